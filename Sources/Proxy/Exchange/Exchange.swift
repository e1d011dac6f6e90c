import Access
import Configuration
import HTTP
import Keys
import Reason
import Sockets
import Tokens

/// One request and its response, in the order in which they are processed: a state machine without I/O.
///
/// The connections report events and carry out the actions returned. Each wait is a state of its own: while it lasts,
/// nothing more is read from the client, and a deadline runs.
///
/// A class for speed: as a struct stored in `ExchangeSlot`, each of its about 100 accesses per request would incur a
/// dynamic exclusivity check. So do parts that are mutated in place, as `log` is; the others are assigned as a whole.
final class Exchange {
  var state = State.deciding
  /// Counts the exchanges of a slot; completions for an earlier one are dropped.
  var generation: UInt64 = 0
  var requestID = RequestID()
  var request = RequestState()
  var decision = DecisionState()
  var response = ResponseState()
  /// What the access log will record.
  let log = ExchangeLog()

  /// Starts over, for the request whose head came at `startedAt`.
  ///
  /// - Parameter secured: The result of the TLS handshake; nil if the connection is not encrypted.
  func begin(
    startedAt: MonotonicTime, peer: Peer, secured: SecuredConnection? = nil, listener: Int = 0,
    in context: DecisionContext
  ) {
    state = .deciding
    generation &+= 1
    requestID = context.requestIDs.next()
    request = RequestState(peer: peer, secured: secured, listener: listener)
    decision = DecisionState(configuration: context.active)
    response = ResponseState()
    log.begin(startedAt: startedAt, wallClockNanoseconds: context.wallClockNanoseconds, client: peer.text)
  }

  /// Records what a rejected or incomplete head asked for, for its access-log line.
  func keepRefusedHead(_ bytes: Span<UInt8>, in context: DecisionContext) {
    guard let head = RefusedHead(bytes, limits: context.active.headLimits) else { return }
    log.keepRequest(head, bytes)
    guard let target = head.path else { return }
    do throws(PathError) {
      _ = try CanonicalPath.write(bytes, target, to: &context.path)
      let path = context.path
      log.keepPath(path.span)
    } catch {
      // A path that would be refused is not logged; the head is refused already.
    }
  }

  // MARK: The request body

  /// The next piece of the request body at the start of `bytes`, with at most `dataMax` bytes of data.
  ///
  /// - Throws: The fault in its framing, or `bodyTooLarge` if the body exceeds the limit in force.
  func requestBodyStep(_ bytes: Span<UInt8>, dataMax: Int = .max) throws(BodyFault) -> BodyDecoder.Step {
    // Decoded in a copy: mutated in place, `request` would be checked for exclusivity at every read.
    var decoder = request.body
    let step: BodyDecoder.Step
    do throws(BodyError) {
      step = try decoder.next(bytes, from: 0, dataMax: dataMax)
    } catch {
      throw BodyFault(reason: error.reason)
    }
    request.body = decoder
    log.bytesIn += UInt64(step.consumed)
    if let most = decision.bodyBytesMax, decoder.decodedBytes > most { throw BodyFault(reason: .bodyTooLarge) }
    return step
  }

  // MARK: The response

  /// The next piece of the response body at the start of `bytes`, with at most `dataMax` bytes of data.
  ///
  /// - Throws: The fault in its framing.
  func responseBodyStep(_ bytes: Span<UInt8>, dataMax: Int) throws(BodyError) -> BodyDecoder.Step {
    var decoder = response.body
    let step = try decoder.next(bytes, from: 0, dataMax: dataMax)
    response.body = decoder
    return step
  }

  /// The upstream's response head has been read.
  func answered(
    with head: borrowing ResponseHead, _ kind: ResponseState.HeadKind = .ordinary,
    behind sent: ResponseState.Sent = .allOfRequest
  ) -> ResponseState.Action {
    // In a copy, for the same reason as the decoder of the request body.
    var taken = response
    let action = taken.take(head, kind, for: request.version)
    response = taken
    if case .tunnel = action {
      state = .tunnelling
      response.status = head.status
      response.upstreamStatus = head.status
      request.persistence = .closed
    }
    guard case .relay = action else { return action }
    state = .answering
    response.status = head.status
    response.upstreamStatus = head.status
    if response.framing == .untilClose { request.persistence = .closed }
    // Answered before the request body ended: where the next message of either connection begins is unknown (SECURITY
    // H-18).
    if !request.body.isComplete { request.persistence = .closed }
    if !request.body.isComplete || sent == .partOfRequest { response.upstreamEnds() }
    return action
  }

  // MARK: The end

  /// The gateway answers with `refusal` in place of the upstream.
  func refused(_ refusal: RefusalResponse) {
    state = .answered
    response.status = refusal.status
    response.reason = refusal.reason
    if refusal.connection == .closed || !request.body.isComplete { request.persistence = .closed }
  }

  /// The gateway answers with `answer`, which is no `RefusalResponse`.
  func answeredLocally(_ answer: LocalResponse) {
    state = .answered
    response.status = answer.status
    response.reason = answer.reason
    if let sender = answer.sender { log.keep(sender) }
    if !request.body.isComplete { request.persistence = .closed }
  }

  /// The response that was begun cannot be completed.
  func cut(_ reason: Reason) {
    state = .answered
    response.reason = reason
    if response.status == 0 { response.status = reason.status }
    request.persistence = .closed
  }

  /// The whole response has been relayed.
  func responseEnded() { state = .answered }

  /// Both directions of the tunnel have ended.
  func tunnelEnded() { state = .answered }

  func closeAfterwards() { request.persistence = .closed }

  /// The upstream connection must not carry another exchange.
  func endUpstreamAfterwards() { response.upstreamEnds() }

  /// A new configuration is in force: the request is decided from the start, and may wait again.
  func reconsider() {
    state = .deciding
    request.introspection = nil
  }

  /// The introspection result has arrived: the request can be decided.
  func introspected(_ result: IntrospectionResult) { request.introspection = result }

  /// The result of using the refresh token has arrived: the request can be decided.
  func renewed(_ renewal: Renewal) { request.renewal = renewal }

  /// Releases what a slot must not hold between two exchanges: an old configuration, a user's claims.
  func forget() {
    request = RequestState()
    decision = DecisionState()
    log.forget()
  }

  /// The Strict-Transport-Security field line of its response; nil if it has none.
  var strictTransport: [UInt8]? { decision.configuration?.listeners[request.listener].strictTransport }
}
