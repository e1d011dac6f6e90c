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
  private(set) var state = State.deciding
  /// Counts the exchanges of a slot: a completion for an earlier one is dropped.
  private(set) var generation: UInt64 = 0
  private(set) var requestID = RequestID()
  private var peer = Peer()
  private(set) var configuration: ActiveConfiguration?
  private(set) var route: ActiveRoute?
  /// Of the connection; nil: in clear.
  private(set) var secured: SecuredConnection?
  /// The listener's place.
  private var listener = 0

  // The request.
  private(set) var method = Method.get
  private(set) var version = HTTPVersion.http11
  private(set) var persistence = Refusal.ConnectionFate.kept
  private(set) var expectsContinue = false
  /// Bytes of the head, which stand in the connection's input until it is decided.
  private(set) var headLength = 0
  /// Whether the client reads pages rather than JSON.
  private(set) var prefersHTML = false
  /// What the request asks to go on in.
  private(set) var upgrade: UpgradeRequest?
  var requestBody = BodyDecoder(.none)
  private var requestBodyBytesMax: UInt64?
  /// Whether its client's rate limit has counted it.
  private var isCounted = false
  /// A proxy asks whether another request may pass, and forwards it itself; nil: the request is its own.
  var forwardAuth: ActiveForwardAuth.Mode?
  /// The request that is asked about goes on in another protocol, as far as the proxy passes that on.
  var asksForUpgrade = false

  // The answer.
  var answer = AnswerState()
  /// Field lines that it has for the sake of pages of other origins; nil where the route says nothing of them.
  private(set) var corsFields: [UInt8]?
  /// Identity headers for the proxy that asked about the request, where it may pass.
  var forwardAuthFields: [UInt8]?
  private(set) var status = 0
  private(set) var reason: Reason?

  /// What the issuer said of the token, where it was asked.
  private var introspection: IntrospectionResult?
  /// What came of the request's refresh token, where it was used.
  private(set) var renewal: Renewal?

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
    reason = nil
    introspection = nil
    renewal = nil
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

  // MARK: The decision

  /// Decides the request in `context.head`: path, route, credential, token, rule, and the head to be forwarded.
  ///
  /// May be called again after `waitForKeys`, `introspect` and `renew`: it begins at the beginning, with the keys of that moment.
  func decide(_ bytes: Span<UInt8>, in context: DecisionContext) -> Action {
    let active = context.active
    let head = context.head
    configuration = active
    route = nil
    corsFields = nil
    requestBodyBytesMax = nil
    headLength = head.length
    method = head.knownMethod
    version = head.version
    persistence = head.persistent ? .kept : .closed
    expectsContinue = head.expectsContinue
    prefersHTML =
      head.acceptLine >= 0
      && ProblemBody.prefersHTML(accept: bytes, head.fields[head.acceptLine].value)
    requestBody = BodyDecoder(head.bodyFraming)
    log.keepRequest(head, bytes)
    log.bytesIn = UInt64(head.length)

    do throws(ForwardedError) {
      context.client = try Client(peer: peer, secured: secured, head, bytes, in: active)
    } catch {
      return .refuse(Refusal(error.reason))
    }
    if let said = context.client.said {
      if let client = said.client { log.keep(AddressText(client.text)) }
      if let name = said.requestID { requestID.take(bytes, name) }
    }
    let traits: PathTraits
    do throws(PathError) {
      traits = try context.readPath(bytes)
    } catch {
      return .refuse(Refusal(error.reason))
    }
    let path = context.path
    let host = bytes.extracting(head.host.lowerBound..<head.host.upperBound)
    if let secured, !secured.covers(host) {
      log.keepPath(path.span)
      return .refuse(Refusal(.hostNotCovered))
    }
    if let forwardAuth = active.forwardAuth, forwardAuth.isAsked(at: path.span) {
      return decide(for: forwardAuth, bytes, in: context)
    }
    log.keepPath(path.span)
    if let port = active.listeners[listener].redirectPort, context.client.scheme == .http {
      guard active.isFor(host: host) else { return .refuse(Refusal(.noRoute)) }
      return .answer(
        RedirectAnswer.toHTTPS(host, port: port, path: path.span, bytes, query: head.query))
    }

    let matched = active.foldedPaths == nil ? path : context.pathToMatch(of: host)
    if let local = active.localRoute(host: host, path: matched.span) {
      requestBodyBytesMax = UInt64(Limits.localBodyBytesMax)
      state = .waitingForResponder
      return .ask(local.responder)
    }
    return decideRoute(head, bytes, host, matched, traits, in: context)
  }

  /// Decides a request whose path the gateway does not answer itself.
  ///
  /// - Parameters:
  ///   - matched: Its path, as routes are matched with it.
  ///   - traits: Of its path.
  func decideRoute(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ host: Span<UInt8>, _ matched: [UInt8], _ traits: PathTraits,
    in context: DecisionContext
  ) -> Action {
    let active = context.active
    let path = context.path
    // Who asks about a preflight would let it pass as it is.
    var preflight = active.answersPreflights && forwardAuth == nil ? ActiveCORS.methodAskedFor(head, bytes) : nil
    var route = active.route(host: host, bytes, method: preflight ?? head.method, path: matched.span)
    if preflight != nil, route?.cors == nil {
      preflight = nil
      route = active.route(host: host, bytes, method: head.method, path: matched.span)
    }
    let kept = route?.configuration.pathTraitsKept ?? []
    if let reason = traits.subtracting(kept).refusal { return .refuse(Refusal(reason)) }
    guard let route else { return .refuse(Refusal(.noRoute)) }
    self.route = route
    if preflight == nil { corsFields = route.cors?.fields(answering: head, bytes) }
    if let clients = route.configuration.clients, !clients.admit(context.client.address) {
      return .refuse(Refusal(.clientRefused))
    }
    if preflight != nil, let cors = route.cors {
      return cors.answer(toPreflight: head, bytes).map { .answer($0) } ?? .refuse(Refusal(.originRefused))
    }
    requestBodyBytesMax = route.configuration.bodyBytesMax
    if case .length(let count) = head.bodyFraming, let most = requestBodyBytesMax, count > most {
      return .refuse(Refusal(.bodyTooLarge))
    }
    do throws(UpgradeError) {
      upgrade = try UpgradeRequest(head, bytes, among: route.upgrades)
    } catch {
      return .refuse(Refusal(error.reason))
    }
    // Two credentials are ambiguous wherever they are read, here or behind us (SECURITY T-14).
    if head.authorizationCount > 1 { return .refuse(Refusal(.credentialRepeated)) }
    // Before any work on a token, and once, however often the request waits.
    if let limit = route.clientLimit, !isCounted {
      isCounted = true
      if let refusal = limit.count(.anonymous, in: context) { return .refuse(refusal) }
    }
    return authorize(head, bytes, path, route, active, context)
  }

  private func authorize(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ path: [UInt8], _ route: ActiveRoute, _ active: ActiveConfiguration,
    _ context: DecisionContext
  ) -> Action {
    var authentication = TokenAuthentication()
    let identity: Identity
    var cached: Int?
    switch route.tokenUse {
    case .none: identity = .anonymous
    case .required, .optional:
      let outcome = authentication.authenticate(
        head, bytes, for: route, isWebSocket: upgrade?.webSocketKey != nil, renewed: renewal, waiting: wait,
        in: context)
      log.keep(authentication, at: context.now)
      if let signIn = route.signIn, renewal == nil, upgrade == nil, forwardAuth == nil,
        let token = signIn.refreshToken(after: outcome, of: authentication.credential, head, bytes)
      {
        state = .waitingForRenewal
        log.waits(from: context.now)
        return .renew(token, provider: signIn.provider)
      }
      switch outcome {
      case .identity(let found, let place):
        identity = found
        cached = place
      case .refused(let reason, let keyID, let provider):
        log.keepToken(keyID: keyID, provider: provider)
        if let response = signInPage(insteadOf: reason, head, bytes, path, route) { return .answer(response) }
        return .refuse(Refusal(reason, route.challenges))
      case .needsKeys(let provider):
        state = .waitingForKeys(provider: provider)
        log.waits(from: context.now)
        return .waitForKeys(provider: provider)
      case .needsIntrospection(let provider, let token):
        state = .waitingForIntrospection(provider: provider)
        log.waits(from: context.now)
        return .introspect(token, provider: provider)
      }
    }
    log.keep(identity)
    if case .cookie = authentication.credential, upgrade != nil || asksForUpgrade || !head.knownMethod.isSafe,
      !RequestOrigin.isOwn(head, bytes), route.cors?.trusts(head, bytes) != true
    {
      return .refuse(Refusal(.originRefused))
    }
    if let refusal = route.subjectLimit?.count(identity, in: context) { return .refuse(refusal) }
    let verdict = route.configuration.rule.evaluate(
      identity, RequestFacts(path: path, now: context.unixSeconds))
    guard let permit = route.configuration.rule.permit(verdict, identity) else {
      if case .refused(let refusal) = verdict {
        if let response = signInPage(insteadOf: refusal.reason, head, bytes, path, route) { return .answer(response) }
        return .refuse(Refusal(refusal, route.challenges))
      }
      return .refuse(Refusal(.internalError))
    }
    if forwardAuth != nil {
      return letPass(permit, identity, cached, authentication.credential, head, bytes, route, context)
    }
    var path = path
    if let rewrite = route.configuration.rewrite {
      do throws(PathError) {
        try rewrite.write(path.span, keeping: route.configuration.pathTraitsKept, to: &context.rewrittenPath)
      } catch {
        return .refuse(Refusal(error.reason))
      }
      path = context.rewrittenPath
    }
    switch route.configuration.destination {
    case .redirect(let redirect):
      return .answer(RedirectAnswer.response(redirect, path: path.span, bytes, query: head.query))
    case .upstream(let upstream):
      return forward(
        permit, identity, cached, authentication.credential, head, bytes, path, to: upstream, route, active, context)
    }
  }

  /// What sends a browser to sign in; nil where the refusal is for whoever asks. A proxy that asks understands refusals
  /// alone.
  private func signInPage(
    insteadOf reason: Reason, _ head: RequestHead, _ bytes: Span<UInt8>, _ path: [UInt8], _ route: ActiveRoute
  ) -> LocalResponse? {
    // No sign-in here is of another kind than the last one: it would be asked for without end.
    guard let signIn = route.signIn, upgrade == nil, forwardAuth != .status, reason != .acrInsufficient else {
      return nil
    }
    return signIn.redirect(insteadOf: reason, path.span, head, bytes)
  }

  private var wait: TokenAuthentication.Wait {
    if let introspection { return .introspected(introspection) }
    return state == .deciding ? .allowed : .over
  }

  // Swift 6.3.1 crashes when it inlines this, with its noncopyable argument, into `authorize`.
  @inline(never)
  private func forward(
    _ permit: consuming Permit, _ identity: Identity, _ cached: Int?, _ credential: Credential, _ head: RequestHead,
    _ bytes: Span<UInt8>, _ path: [UInt8], to upstream: Int, _ route: ActiveRoute, _ active: ActiveConfiguration,
    _ context: DecisionContext
  ) -> Action {
    let fields: [UInt8]
    do throws(IdentityHeaderError) {
      fields = try context.identityFields(identity, cached: cached, for: route)
    } catch {
      return .refuse(Refusal(error.reason, route.challenges))
    }
    if route.readsWebSocketProtocol, route.configuration.token == .remove { takeWebSocketToken(bytes, context) }
    do throws(ForwardedHeadError) {
      let forwarded = try ForwardedHead(
        spending: permit, head, bytes, path: path.span, identityFields: fields.span,
        facts: .init(
          client: context.client, requestID: requestID, credential: credential, route: route, upgrade: upgrade),
        configuration: active, into: context.blocks.take())
      state = .waitingForUpstream
      return .forward(forwarded, upstream: upstream)
    } catch {
      return .refuse(Refusal(error.reason))
    }
  }

  /// The upstream sees no token among the protocols of a WebSocket, also where another credential was used.
  private func takeWebSocketToken(_ bytes: Span<UInt8>, _ context: DecisionContext) {
    guard upgrade?.webSocketKey != nil else { return }
    // What cannot be read was refused before.
    if let token = try? WebSocketToken(context.head, bytes) { upgrade?.takeAway(token) }
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
      persistence = .closed
    }
    guard case .relay = action else { return action }
    state = .answering
    status = head.status
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
    introspection = nil
    renewal = nil
    upgrade = nil
    log.forgetToken()
  }

  /// What its answer says of TLS; nil: nothing.
  var strictTransport: [UInt8]? { configuration?.listeners[listener].strictTransport }
}
