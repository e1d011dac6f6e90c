import Access
import Configuration
import HTTP
import Keys
import Reason
import Sockets
import Tokens

/// From a request's head to what becomes of it.
extension Exchange {
  /// Decides the request in `context.head`: path, route, credential, token, rule, and the head to be forwarded.
  ///
  /// May be called again after `waitForKeys`, `introspect` and `renew`: it begins at the beginning, with the keys of that moment.
  func decide(_ bytes: Span<UInt8>, in context: DecisionContext) -> Action {
    let active = context.active
    let head = context.head
    let wasForwardAuth = decision.forwardAuth != nil
    decision = DecisionState(configuration: active)
    request.headLength = head.length
    request.method = head.knownMethod
    request.version = head.version
    request.persistence = head.persistent ? .kept : .closed
    request.expectsContinue = head.expectsContinue
    request.prefersHTML =
      head.acceptLine >= 0
      && ProblemBody.prefersHTML(accept: bytes, head.fields[head.acceptLine].value)
    request.body = BodyDecoder(head.bodyFraming)
    log.keepRequest(head, bytes)
    log.bytesIn = UInt64(head.length)

    do throws(ForwardedError) {
      context.client = try Client(peer: request.peer, secured: request.secured, head, bytes, in: active)
    } catch {
      return .refuse(Refusal(error.reason))
    }
    if let said = context.client.said {
      if let client = said.client { log.keep(AddressText(client.text)) }
      if let name = said.requestID { requestID.take(bytes, name) }
    }
    // Once, however often the request waits.
    if request.trace == nil, active.traceSampling != nil { request.trace = context.trace(of: requestID, bytes) }
    let traits: PathTraits
    do throws(PathError) {
      traits = try context.readPath(bytes)
    } catch {
      return .refuse(Refusal(error.reason))
    }
    let path = context.path
    let host = bytes.extracting(head.host.lowerBound..<head.host.upperBound)
    if let secured = request.secured, !secured.covers(host) {
      log.keepPath(path.span)
      return .refuse(Refusal(.hostNotCovered))
    }
    let plain = context.pathToMatch(traits)
    if let forwardAuth = active.forwardAuth, forwardAuth.isAsked(at: plain.span) {
      return decide(for: forwardAuth, bytes, in: context)
    }
    log.keepPath(path.span)
    // A reload has taken the path away while the question waited: what became of the question as a request of its own
    // would be taken for the answer.
    guard !wasForwardAuth else { return .refuse(Refusal(.noRoute)) }
    if let port = active.listeners[request.listener].redirectPort, context.client.scheme == .http {
      guard active.isFor(host: host) else { return .refuse(Refusal(.noRoute)) }
      return .answer(
        RedirectAnswer.toHTTPS(host, port: port, path: path.span, bytes, query: head.query))
    }

    let matched = active.foldedPaths == nil ? plain : context.folded(plain, of: host)
    if let local = active.localRoute(host: host, path: matched.span) {
      decision.bodyBytesMax = UInt64(Limits.localBodyBytesMax)
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
    var preflight =
      active.answersPreflights && decision.forwardAuth == nil ? ActiveCORS.methodAskedFor(head, bytes) : nil
    var route = active.route(host: host, bytes, method: preflight ?? head.method, path: matched.span)
    if preflight != nil, route?.cors == nil {
      preflight = nil
      route = active.route(host: host, bytes, method: head.method, path: matched.span)
    }
    let kept = route?.configuration.pathTraitsKept ?? []
    if let reason = traits.subtracting(kept).refusal { return .refuse(Refusal(reason)) }
    guard let route else { return .refuse(Refusal(.noRoute)) }
    decision.route = route
    if preflight == nil { decision.corsFields = route.cors?.fields(answering: head, bytes) }
    if let clients = route.configuration.clients, !clients.admit(context.client.address) {
      return .refuse(Refusal(.clientRefused))
    }
    if preflight != nil, let cors = route.cors {
      return cors.answer(toPreflight: head, bytes).map { .answer($0) } ?? .refuse(Refusal(.originRefused))
    }
    decision.bodyBytesMax = route.configuration.bodyBytesMax
    if case .length(let count) = head.bodyFraming, let most = decision.bodyBytesMax, count > most {
      return .refuse(Refusal(.bodyTooLarge))
    }
    do throws(UpgradeError) {
      decision.upgrade = try UpgradeRequest(head, bytes, among: route.upgrades)
    } catch {
      return .refuse(Refusal(error.reason))
    }
    // Two credentials are ambiguous wherever they are read, here or behind us (SECURITY T-14).
    if head.authorizationCount > 1 { return .refuse(Refusal(.credentialRepeated)) }
    // Before any work on a token, and once, however often the request waits.
    if let limit = route.clientLimit, !request.isCounted {
      request.isCounted = true
      if let refusal = limit.count(.anonymous, in: context) { return .refuse(refusal) }
    }
    return authorize(head, bytes, path, route, active, context)
  }

  private func authorize(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ path: [UInt8], _ route: ActiveRoute, _ active: ActiveConfiguration,
    _ context: DecisionContext
  ) -> Action {
    let sender: Sender
    switch identify(head, bytes, path, route, active, context) {
    case .sender(let found): sender = found
    case .unknown(let action): return action
    }
    log.keep(sender.identity)
    if decision.upgrade != nil, case .introspected = sender.identity {
      request.introspected = sender.authentication.credential.introspected(from: bytes)
    }
    if let refusal = admit(sender, head, bytes, route, context) { return .refuse(refusal) }
    log.asksRule(at: context.unixSeconds)
    var facts = RequestFacts(path: path, now: context.unixSeconds)
    let provider = sender.authentication.provider
    let tokenRamp = active.tokenRamps.indices.contains(provider) ? active.tokenRamps[provider] : nil
    if route.ramp != nil || tokenRamp != nil {
      facts.client = context.client.address
      facts.isRampStopped = route.ramp?.isStopped ?? false
      facts.isTokenRampStopped = tokenRamp?.isStopped ?? false
    }
    let permit: Permit
    do throws(Access.Refusal) {
      permit = try route.configuration.rule.permit(sender.identity, facts)
      decision.unenforced = permit.unenforced
      if sender.identity.claims != nil {
        _ = route.ramp?.count(refused: nil, now: context.now)
        _ = tokenRamp?.count(refused: nil, now: context.now)
      }
    } catch {
      let credential = sender.authentication.credential
      // What the provider tries is to do to a token what its checks would.
      if error.trier == .provider, isSignedIn(sender.identity, at: active.signIn(of: route, head, bytes)),
        let action = renew(
          after: .refused(error.reason, keyID: nil, provider: nil), of: credential, head, bytes, route, active, context)
      {
        return action
      }
      count(error, of: sender.identity, route, tokenRamp, context)
      let remedy = stepUp(error, sender.identity, credential, context.unixSeconds)
      if !isRefusedAnew(error, sender.identity, credential, active.signIn(of: route, head, bytes)),
        let response = signInPage(insteadOf: error.reason, head, bytes, path, route, for: remedy)
      {
        return .answer(response)
      }
      return .refuse(Refusal(error, route.challenges))
    }
    return deliver(permit, of: sender, head, bytes, path, route, active, context)
  }

  /// Who sends a request, and what says so.
  private struct Sender {
    let identity: Identity
    /// The token's place in the cache.
    let cached: Int?
    let authentication: TokenAuthentication
  }

  private enum Identified: ~Copyable {
    case sender(Sender)
    /// Nobody, or nobody yet.
    case unknown(Action)
  }

  /// Finds out who sends the request; where keys, the issuer or a new token are needed first, it waits for them.
  private func identify(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ path: [UInt8], _ route: ActiveRoute, _ active: ActiveConfiguration,
    _ context: DecisionContext
  ) -> Identified {
    var authentication = TokenAuthentication()
    guard route.tokenUse != .none else {
      return .sender(Sender(identity: .anonymous, cached: nil, authentication: authentication))
    }
    let outcome = authentication.authenticate(
      head, bytes, for: route, isWebSocket: decision.upgrade?.webSocketKey != nil, renewed: request.renewal,
      waiting: wait, in: context)
    log.keep(authentication, at: context.now)
    if let action = renew(after: outcome, of: authentication.credential, head, bytes, route, active, context) {
      return .unknown(action)
    }
    switch outcome {
    case .identity(let found, let place):
      context.count(found, cached: place, from: authentication.credential)
      return .sender(Sender(identity: found, cached: place, authentication: authentication))
    case .refused(let reason, let keyID, let provider):
      log.keepToken(keyID: keyID, provider: provider, authentication.refusedClaims)
      // Whoever is sent to sign in now would lose a refresh token that may be good.
      if renewal?.isUnavailable == true { return .unknown(.refuse(Refusal(.signInUnavailable))) }
      if let response = signInPage(insteadOf: reason, head, bytes, path, route, for: nil) {
        return .unknown(.answer(response))
      }
      return .unknown(.refuse(Refusal(reason, route.challenges)))
    case .needsKeys(let provider):
      state = .waitingForKeys(provider: provider)
      log.waits(from: context.now)
      return .unknown(.waitForKeys(provider: provider))
    case .needsIntrospection(let provider, let token, let isSession):
      state = .waitingForIntrospection(provider: provider)
      log.waits(from: context.now)
      return .unknown(.introspect(token, provider: provider, isSession: isSession))
    }
  }

  /// Has a browser's refresh token used, once, where a new access token may be let in; nil: there is nothing to use.
  private func renew(
    after outcome: TokenAuthentication.Outcome, of credential: Credential, _ head: RequestHead, _ bytes: Span<UInt8>,
    _ route: ActiveRoute, _ active: ActiveConfiguration, _ context: DecisionContext
  ) -> Action? {
    guard request.renewal == nil, decision.upgrade == nil, decision.forwardAuth == nil,
      let signIn = active.signIn(of: route, head, bytes),
      let token = signIn.refreshToken(after: outcome, of: credential, head, bytes)
    else { return nil }
    state = .waitingForRenewal
    log.waits(from: context.now)
    return .renew(token, provider: signIn.provider)
  }

  /// What is asked of a sender before the rule is; nil: nothing speaks against it.
  private func admit(
    _ sender: Sender, _ head: RequestHead, _ bytes: Span<UInt8>, _ route: ActiveRoute, _ context: DecisionContext
  ) -> Refusal? {
    let asksForTunnel = decision.upgrade != nil || decision.asksForUpgrade
    if sender.authentication.isAmbient(sender.identity), asksForTunnel || !head.knownMethod.isSafe,
      !RequestOrigin.isOwn(
        head, bytes, for: asksForTunnel ? .upgrade : .answer, isSecure: context.client.scheme == .https),
      route.cors?.trusts(head, bytes) != true
    {
      return Refusal(.originRefused)
    }
    guard let limit = route.subjectLimit, !request.isCounted else { return nil }
    request.isCounted = true
    return limit.count(sender.identity, in: context)
  }

  /// Counts a refusal for what the provider and the route try.
  private func count(
    _ refusal: Access.Refusal, of identity: Identity, _ route: ActiveRoute, _ tokenRamp: EnforcementRamp?,
    _ context: DecisionContext
  ) {
    decision.refusingTrier = refusal.trier
    guard let trier = refusal.trier, let claims = identity.claims else { return }
    let sender = "\(claims.provider)\n\(claims.subject ?? context.client.address?.text ?? "")"
    switch trier {
    case .provider:
      decision.rampStop = tokenRamp?.count(refused: sender, now: context.now).map { (.provider(claims.provider), $0) }
    case .route:
      // Who has only to be authenticated anew is where the rule wants them. The remedy is no sign of it: it names what
      // has to hold beside what is lacking.
      let isCured = refusal.reason == .acrInsufficient || refusal.reason == .authenticationTooOld
      decision.rampStop = route.ramp?.count(refused: isCured ? nil : sender, now: context.now)
        .map { (.route(route.configuration.name), $0) }
      _ = tokenRamp?.count(refused: nil, now: context.now)
    }
  }

  /// Takes a request that may pass to where its route leads.
  // As `forward`.
  @inline(never)
  private func deliver(
    _ permit: consuming Permit, of sender: Sender, _ head: RequestHead, _ bytes: Span<UInt8>, _ path: [UInt8],
    _ route: ActiveRoute, _ active: ActiveConfiguration, _ context: DecisionContext
  ) -> Action {
    let credential = sender.authentication.credential
    if decision.forwardAuth != nil { return letPass(permit, sender.cached, credential, head, bytes, route, context) }
    var path = path
    if let rewrite = route.configuration.rewrite {
      do throws(PathError) {
        try rewrite.write(path.span, keeping: route.configuration.pathTraitsKept, to: &context.rewrittenPath)
      } catch {
        decision.unenforced = nil
        return .refuse(Refusal(error.reason))
      }
      path = context.rewrittenPath
    }
    switch route.configuration.destination {
    case .redirect(let redirect):
      return .answer(RedirectAnswer.response(redirect, path: path.span, bytes, query: head.query))
    case .upstream(let upstream):
      return forward(permit, sender.cached, credential, head, bytes, path, to: upstream, route, active, context)
    }
  }

  /// What sends a browser to sign in; nil where the refusal is for whoever asks. A proxy that asks understands refusals
  /// alone.
  private func signInPage(
    insteadOf reason: Reason, _ head: RequestHead, _ bytes: Span<UInt8>, _ path: [UInt8], _ route: ActiveRoute,
    for remedy: Remedy?
  ) -> LocalResponse? {
    guard decision.upgrade == nil, decision.forwardAuth != .status,
      let signIn = decision.configuration?.signIn(of: route, head, bytes)
    else { return nil }
    return signIn.redirect(insteadOf: reason, path.span, head, bytes, for: remedy)
  }

  /// Whether who signs in anew would be refused as before: sessions begin, and tokens are issued, whether they have
  /// what is tried or not. A token's age alone is another one then.
  private func isRefusedAnew(
    _ refusal: Access.Refusal, _ identity: Identity, _ credential: Credential, _ signIn: ActiveSignIn?
  ) -> Bool {
    guard refusal.trier == .provider else { return false }
    if case .session = credential { return true }
    return refusal.reason != .tokenTooOld || credential.isRenewed || !isSignedIn(identity, at: signIn)
  }

  /// Whether people sign in there at the provider that has stated who it is: another one's token would leave the one that
  /// is refused where it is.
  private func isSignedIn(_ identity: Identity, at signIn: ActiveSignIn?) -> Bool {
    signIn.map { $0.provider == identity.claims?.provider } ?? false
  }

  /// How a browser's session would pass, had its provider authenticated somebody so (RFC 9470 §4).
  private func stepUp(
    _ refusal: Access.Refusal, _ identity: Identity, _ credential: Credential, _ now: UnixSeconds
  ) -> Remedy? {
    guard case .session = credential, case .introspected(let session) = identity,
      refusal.remedy.asksForMore(than: session.claims, at: now)
    else { return nil }
    return refusal.remedy
  }

  private var wait: TokenAuthentication.Wait {
    if let introspection = request.introspection { return .introspected(introspection) }
    return state == .deciding ? .allowed : .over
  }

  // Swift 6.3.1 crashes when it inlines this, with its noncopyable argument, into `authorize`.
  @inline(never)
  private func forward(
    _ permit: consuming Permit, _ cached: Int?, _ credential: Credential, _ head: RequestHead,
    _ bytes: Span<UInt8>, _ path: [UInt8], to upstream: Int, _ route: ActiveRoute, _ active: ActiveConfiguration,
    _ context: DecisionContext
  ) -> Action {
    let fields: [UInt8]
    do throws(IdentityUntold) {
      fields = try context.identityFields(permit.identity, cached: cached, for: route)
    } catch {
      decision.unenforced = nil
      return .refuse(Refusal(error.reason, route.challenges))
    }
    if route.hidesWebSocketProtocol(besides: credential) { takeWebSocketToken(bytes, context) }
    do throws(ForwardedHeadError) {
      let forwarded = try ForwardedHead(
        spending: permit, head, bytes, path: path.span, identityFields: fields.span,
        facts: .init(
          client: context.client, requestID: requestID, credential: credential, route: route,
          upgrade: decision.upgrade, trace: request.trace,
          renewedCookie: credential.isRenewed ? request.renewal?.cookie : nil),
        configuration: active, into: context.blocks.take())
      state = .waitingForUpstream
      return .forward(forwarded, upstream: upstream)
    } catch {
      decision.unenforced = nil
      return .refuse(Refusal(error.reason))
    }
  }

  /// The upstream sees no token among the protocols of a WebSocket, also where another credential was used.
  private func takeWebSocketToken(_ bytes: Span<UInt8>, _ context: DecisionContext) {
    guard var upgrade = decision.upgrade, upgrade.webSocketKey != nil else { return }
    // What cannot be read was refused before.
    guard let token = try? WebSocketToken(context.head, bytes) else { return }
    upgrade.takeAway(token)
    decision.upgrade = upgrade
  }
}
