import Access
import Configuration
import HTTP
import Keys
import Reason
import Sockets
import Tokens

/// One request and its response, in the order in which they are worked on: a state machine without I/O.
///
/// The connections report what happened, and do what they are told. Waits have names: while the exchange is in one,
/// nothing more of the client is read, and a deadline runs.
///
/// A class, though it is a value to everybody else: a struct in a slot would be checked for overlapping accesses at
/// each of the hundred reads of a request. So would its parts that are called into where they stand, as the log is: the
/// others are assigned.
final class Exchange {
  var state = State.deciding
  /// Counts the exchanges of a slot: a completion for an earlier one is dropped.
  var generation: UInt64 = 0
  var requestID = RequestID()
  var request = RequestState()
  var decision = DecisionState()
  var response = ResponseState()
  /// What the access log says.
  var log = ExchangeLog()

  /// Begins anew, for the request whose head came at `startedAt`.
  ///
  /// - Parameter secured: What the TLS handshake has shown; nil: in clear.
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

  /// Keeps what a head asks for that will be no request, for its line in the log.
  func keepRefusedHead(_ bytes: Span<UInt8>, in context: DecisionContext) {
    guard let head = RefusedHead(bytes, limits: context.active.headLimits) else { return }
    log.keepRequest(head, bytes)
    guard let target = head.path else { return }
    do throws(PathError) {
      _ = try CanonicalPath.write(bytes, target, to: &context.path)
      let path = context.path
      log.keepPath(path.span)
    } catch {
      // One that would be refused stands in no line; the head is refused already.
    }
  }

  // MARK: The request body

  /// The next piece of the request body at the start of `bytes`, with at most `dataMax` bytes of data.
  ///
  /// - Throws: What is wrong with its framing, or `bodyTooLarge`.
  func requestBodyStep(_ bytes: Span<UInt8>, dataMax: Int = .max) throws(BodyFault) -> BodyDecoder.Step {
    // Decoded in a copy: as long as `request` itself was written to, every read of it would be checked.
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

  /// The next piece of the response's body at the start of `bytes`, with at most `dataMax` bytes of data.
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
    // In a copy, as the body of the request is decoded.
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
    // Answered before the body ended: where the next message of either connection begins is not known (SECURITY H-18).
    if !request.body.isComplete { request.persistence = .closed }
    if !request.body.isComplete || sent == .partOfRequest { response.upstreamEnds() }
    return action
  }

  // MARK: The end

  /// The gateway answers `refusal` in the upstream's place.
  func refused(_ refusal: RefusalResponse) {
    state = .answered
    response.status = refusal.status
    response.reason = refusal.reason
    if refusal.connection == .closed || !request.body.isComplete { request.persistence = .closed }
  }

  /// The gateway answers itself, and not as it answers refusals.
  ///
  /// - Parameter reason: Why the request was refused all the same; nil: it was not.
  func answeredLocally(status: Int, reason: Reason?) {
    state = .answered
    response.status = status
    response.reason = reason
    if !request.body.isComplete { request.persistence = .closed }
  }

  /// The response that was begun does not end as it should.
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

  /// The upstream's connection carries no other exchange.
  func endUpstreamAfterwards() { response.upstreamEnds() }

  /// A new configuration is in force: the request is decided as if nothing had been, and may wait again.
  func reconsider() {
    state = .deciding
    request.introspection = nil
  }

  /// The issuer has answered: the request can be decided.
  func introspected(_ result: IntrospectionResult) { request.introspection = result }

  /// What came of the refresh token: the request can be decided.
  func renewed(_ renewal: Renewal) { request.renewal = renewal }

  /// Lets go of what a slot between two exchanges must not hold: an old configuration, somebody's claims.
  func forget() {
    request = RequestState()
    decision = DecisionState()
    log.forget()
  }

  /// What its response says of TLS; nil: nothing.
  var strictTransport: [UInt8]? { decision.configuration?.listeners[request.listener].strictTransport }
}
