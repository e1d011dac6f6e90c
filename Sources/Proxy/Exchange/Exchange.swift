import Access
import Configuration
import HTTP
import Keys
import Reason
import Sockets
import Tokens

/// One request and its answer, in the order in which they are worked on: a state machine without I/O.
///
/// The connections report what happened, and do what they are told. Waits have names: while the exchange is in one,
/// nothing more of the client is read, and a deadline runs.
///
/// A class, though it is a value to everybody else: a struct in a slot would be checked for overlapping accesses at each
/// of the hundred reads of a request.
final class Exchange {
  var state = State.deciding
  /// Counts the exchanges of a slot: a completion for an earlier one is dropped.
  var generation: UInt64 = 0
  var requestID = RequestID()
  var peer = Peer()
  var configuration: ActiveConfiguration?
  var route: ActiveRoute?
  /// Of the connection; nil: in clear.
  var secured: SecuredConnection?
  /// The listener's place.
  var listener = 0

  // The request.
  var method = Method.get
  var version = HTTPVersion.http11
  var persistence = Refusal.ConnectionFate.kept
  var expectsContinue = false
  /// Bytes of the head, which stand in the connection's input until it is decided.
  var headLength = 0
  /// Whether the client reads pages rather than JSON.
  var prefersHTML = false
  /// What the request asks to go on in.
  var upgrade: UpgradeRequest?
  var requestBody = BodyDecoder(.none)
  var requestBodyBytesMax: UInt64?
  /// Whether its route's rate limit has counted it.
  var isCounted = false
  /// A proxy asks whether another request may pass, and forwards it itself; nil: the request is its own.
  var forwardAuth: ActiveForwardAuth.Mode?
  /// The request that is asked about goes on in another protocol, as far as the proxy passes that on.
  var asksForUpgrade = false

  // The answer.
  var answer = AnswerState()
  /// Field lines that it has for the sake of pages of other origins; nil where the route says nothing of them.
  var corsFields: [UInt8]?
  /// Identity headers for the proxy that asked about the request, where it may pass.
  var forwardAuthFields: [UInt8]?
  var status = 0
  /// Of the upstream's answer; nil: it is not there, or another one was given.
  var upstreamStatus: Int?
  var reason: Reason?
  /// Why what its provider or route tries would have refused it, were it enforced for whoever sends it.
  var unenforced: Reason?
  /// Who tries what refuses it; nil: it is what is required, or nothing.
  var refusingTrier: Access.Refusal.Trier?
  /// That it was the one with which what its route tries stopped being enforced.
  var rampStop: (by: ProxyEvent.Trier, counts: EnforcementRamp.Stop)?

  /// What somebody was known by that is no proof by itself, where a tunnel may come of the request: it is asked about
  /// again as long as that lasts.
  var introspected: IntrospectedCredential?
  /// What the issuer said of the token, where it was asked.
  var introspection: IntrospectionResult?
  /// What came of the request's refresh token, where it was used.
  var renewal: Renewal?

  /// The trace that it belongs to; nil: none is exported, or it is not known yet.
  var trace: RequestTrace?

  // What the access log says.
  var log = ExchangeLog()

  /// Begins anew, for the request whose head came at `startedAt`.
  ///
  /// - Parameter secured: What the TLS handshake has shown; nil: in clear.
  func begin(
    startedAt: MonotonicTime, peer: Peer, secured: SecuredConnection? = nil, listener: Int = 0,
    in context: DecisionContext
  ) {
    self.secured = secured
    self.listener = listener
    state = .deciding
    generation &+= 1
    requestID = context.requestIDs.next()
    configuration = context.active
    route = nil
    corsFields = nil
    forwardAuthFields = nil
    forwardAuth = nil
    asksForUpgrade = false
    isCounted = false
    requestBody = BodyDecoder(.none)
    answer = AnswerState()
    status = 0
    upstreamStatus = nil
    reason = nil
    unenforced = nil
    refusingTrier = nil
    rampStop = nil
    introspection = nil
    introspected = nil
    renewal = nil
    trace = nil
    upgrade = nil
    requestBodyBytesMax = nil
    expectsContinue = false
    prefersHTML = false
    persistence = .closed
    method = .get
    version = .http11
    log.begin(startedAt: startedAt, wallClockNanoseconds: context.wallClockNanoseconds, client: peer.text)
    self.peer = peer
  }

  // MARK: The request body

  /// The next piece of the request body at the start of `bytes`, with at most `dataMax` bytes of data.
  ///
  /// - Throws: What is wrong with its framing, or `bodyTooLarge`.
  func requestBodyStep(_ bytes: Span<UInt8>, dataMax: Int = .max) throws(BodyFault) -> BodyDecoder.Step {
    // Decoded in a copy: as long as `requestBody` itself was written to, every read of it would be checked.
    var decoder = requestBody
    let step: BodyDecoder.Step
    do throws(BodyError) {
      step = try decoder.next(bytes, from: 0, dataMax: dataMax)
    } catch {
      throw BodyFault(reason: error.reason)
    }
    requestBody = decoder
    log.bytesIn += UInt64(step.consumed)
    if let most = requestBodyBytesMax, decoder.decodedBytes > most { throw BodyFault(reason: .bodyTooLarge) }
    return step
  }

  // MARK: The answer

  /// The next piece of the answer's body at the start of `bytes`, with at most `dataMax` bytes of data.
  func answerBodyStep(_ bytes: Span<UInt8>, dataMax: Int) throws(BodyError) -> BodyDecoder.Step {
    var decoder = answer.body
    let step = try decoder.next(bytes, from: 0, dataMax: dataMax)
    answer.body = decoder
    return step
  }

  /// The upstream's answer head has been read.
  ///
  /// - Parameters:
  ///   - requestIsSent: Whether the upstream was sent all that the client has sent of the request.
  ///   - switches: Whether it is the `101` that was asked for.
  func answered(
    with head: borrowing ResponseHead, requestIsSent: Bool = true, switches: Bool = false
  ) -> AnswerState.Action {
    let action = answer.take(head, for: version, switches: switches)
    if case .tunnel = action {
      state = .tunnelling
      status = head.status
      upstreamStatus = head.status
      persistence = .closed
    }
    guard case .relay = action else { return action }
    state = .answering
    status = head.status
    upstreamStatus = head.status
    if answer.framing == .untilClose { persistence = .closed }
    // Answered before the body ended: where the next message of either connection begins is not known (SECURITY H-18).
    if !requestBody.isComplete { persistence = .closed }
    if !requestBody.isComplete || !requestIsSent { answer.upstreamEnds() }
    return action
  }

  // MARK: The end

  /// The gateway answers `refusal` in the upstream's place.
  func refused(_ refusal: Refusal) {
    state = .answered
    status = refusal.status
    reason = refusal.reason
    if refusal.connection == .closed || !requestBody.isComplete { persistence = .closed }
  }

  /// The gateway answers itself, and not as it answers refusals.
  ///
  /// - Parameter reason: Why the request was refused all the same; nil: it was not.
  func answeredLocally(status: Int, reason: Reason?) {
    state = .answered
    self.status = status
    self.reason = reason
    if !requestBody.isComplete { persistence = .closed }
  }

  /// The answer that was begun does not end as it should.
  func cut(_ reason: Reason) {
    state = .answered
    self.reason = reason
    if status == 0 { status = reason.status }
    persistence = .closed
  }

  /// The whole answer has been relayed.
  func answerEnded() { state = .answered }

  /// Both directions of the tunnel have ended.
  func tunnelEnded() { state = .answered }

  func closeAfterwards() { persistence = .closed }

  /// A new configuration is in force: the request is decided as if nothing had been, and may wait again.
  func reconsider() {
    state = .deciding
    introspection = nil
  }

  /// The issuer has answered: the request can be decided.
  func introspected(_ result: IntrospectionResult) { introspection = result }

  /// What came of the refresh token: the request can be decided.
  func renewed(_ renewal: Renewal) { self.renewal = renewal }

  /// Lets go of what a slot between two exchanges must not hold: an old configuration, somebody's claims.
  func forget() {
    configuration = nil
    route = nil
    secured = nil
    corsFields = nil
    forwardAuthFields = nil
    introspection = nil
    introspected = nil
    renewal = nil
    upgrade = nil
    log.forgetToken()
  }

  /// What its answer says of TLS; nil: nothing.
  var strictTransport: [UInt8]? { configuration?.listeners[listener].strictTransport }
}
