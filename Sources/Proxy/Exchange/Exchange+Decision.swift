import Access
import Configuration
import HTTP
import Keys
import Reason
import Sockets
import Tokens

/// The decision pipeline: request head in, `Action` out.
extension Exchange {
  /// Decides the request in `context.head`: path, route, credential, token, rule, and the head to be forwarded.
  ///
  /// May be called again after `waitForKeys`, `introspect` and `renew`: it starts over, with the keys in force at that
  /// moment.
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
    request.problemFormat =
      head.acceptLine >= 0 && ProblemBody.prefersHTML(accept: bytes, head.fields[head.acceptLine].value)
      ? .html : .json
    request.body = BodyDecoder(head.bodyFraming)
    log.keepRequest(head, bytes)
    log.bytesIn = UInt64(head.length)

    do throws(ForwardedError) {
      context.client = try Client(peer: request.peer, secured: request.secured, head, bytes, in: active)
    } catch {
      return .refuse(RefusalResponse(error.reason))
    }
    if let said = context.client.said {
      if let client = said.client { log.keep(AddressText(client.text)) }
      if let name = said.requestID {
        // Changed in a copy, as `requestBodyStep` does.
        var id = requestID
        id.take(bytes, name)
        requestID = id
      }
    }
    // Once, however often the request waits.
    if request.trace == nil, active.traceSampling != nil { request.trace = context.trace(of: requestID, bytes) }
    let traits: PathTraits
    do throws(PathError) {
      traits = try context.readPath(bytes)
    } catch {
      return .refuse(RefusalResponse(error.reason))
    }
    let path = context.path
    let host = bytes.extracting(head.host.lowerBound..<head.host.upperBound)
    if let secured = request.secured, !secured.covers(host) {
      log.keepPath(path.span)
      return .refuse(RefusalResponse(.hostNotCovered))
    }
    let plain = context.pathToMatch(traits)
    if let forwardAuth = active.forwardAuth, forwardAuth.path.isAt(plain.span) {
      return decide(for: forwardAuth, bytes, in: context)
    }
    log.keepPath(path.span)
    // A reload has removed the path while the proxy's question waited: decided as an ordinary request, its response
    // would be mistaken for the answer.
    guard !wasForwardAuth else { return .refuse(RefusalResponse(.noRoute)) }
    if let port = active.listeners[request.listener].redirectPort, context.client.scheme == .http {
      guard active.routing.isFor(host: host) else { return .refuse(RefusalResponse(.noRoute)) }
      return .answer(
        RedirectResponse.toHTTPS(host, port: port, path: path.span, bytes, query: head.query))
    }

    let matched = context.folded(plain, of: host)
    if let own = active.routing.ownPath(host: host, path: matched.span) {
      decision.bodyBytesMax = UInt64(Limits.localBodyBytesMax)
      state = .waitingForResponder
      return .ask(active.responders[own].responder)
    }
    return decideRoute(head, bytes, host: host, path: matched, traits, in: context)
  }

  /// Decides a request whose path the gateway does not answer itself.
  ///
  /// - Parameters:
  ///   - path: In the form in which routes are matched.
  ///   - traits: Those of the request's path.
  func decideRoute(
    _ head: RequestHead, _ bytes: Span<UInt8>, host: Span<UInt8>, path: [UInt8], _ traits: PathTraits,
    in context: DecisionContext
  ) -> Action {
    let active = context.active
    // Not for a proxy that asks: it would take the response to a preflight as permission to forward it.
    var preflight =
      active.answersPreflights && decision.forwardAuth == nil ? ActiveCORS.methodAskedFor(head, bytes) : nil
    var route = active.route(host: host, bytes, method: preflight ?? head.method, path: path.span)
    if preflight != nil, route?.cors == nil {
      preflight = nil
      route = active.route(host: host, bytes, method: head.method, path: path.span)
    }
    let kept = route?.configuration.pathTraitsKept ?? []
    if let reason = traits.subtracting(kept).refusal { return .refuse(RefusalResponse(reason)) }
    guard let route else { return .refuse(RefusalResponse(.noRoute)) }
    decision.route = route
    if decision.forwardAuth != nil,
      active.forwardAuth?.misleadingFields.areIn(head, bytes, upgrade: decision.upgradeAskedAbout, on: route) == true
    {
      return .refuse(RefusalResponse(.fieldRefused))
    }
    if preflight == nil, let cors = route.cors {
      decision.corsFields = cors.fields(answering: head, bytes)
      decision.corsExposure = cors.exposure(answering: head, bytes)
    }
    // Before any other check: what came with the first pass may be missing now. A request that a proxy asks about is
    // not forwarded by the gateway.
    if decision.forwardAuth == nil, route.loopMark.isIn(head, bytes) {
      return .refuse(RefusalResponse(.forwardingLoop))
    }
    if let clients = route.configuration.clients, !clients.admit(context.client.address) {
      return .refuse(RefusalResponse(.clientRefused))
    }
    if preflight != nil, let cors = route.cors {
      return cors.answer(toPreflight: head, bytes).map { .answer($0) } ?? .refuse(RefusalResponse(.originRefused))
    }
    decision.bodyBytesMax = route.configuration.bodyBytesMax
    if case .length(let count) = head.bodyFraming, let most = decision.bodyBytesMax, count > most {
      return .refuse(RefusalResponse(.bodyTooLarge))
    }
    do throws(UpgradeError) {
      decision.upgrade = try UpgradeRequest(head, bytes, among: route.upgrades)
    } catch {
      return .refuse(RefusalResponse(error.reason))
    }
    // Two credentials are ambiguous wherever they are read, here or upstream (SECURITY T-14).
    if head.authorizationCount > 1 { return .refuse(RefusalResponse(.credentialRepeated)) }
    // Before any work on a token, and once, however often the request waits.
    if let limit = route.clientLimit, !request.isCounted {
      request.isCounted = true
      if let refusal = limit.count(.anonymous, in: context) { return .refuse(refusal) }
    }
    return authorize(
      RoutedRequest(head: head, path: context.path, route: route, active: active, context: context), bytes)
  }

  private func authorize(_ routed: RoutedRequest, _ bytes: Span<UInt8>) -> Action {
    let sender: Sender
    switch identify(routed, bytes) {
    case .sender(let found): sender = found
    case .unknown(let action): return action
    }
    keep(sender, bytes)
    if let refusal = admit(sender, routed, bytes) { return .refuse(refusal) }
    log.asksRule(at: routed.context.unixSeconds)
    let ramps = EnforcementRamps(of: routed, provider: sender.authentication.provider)
    let permit: Permit
    do throws(Refusal) {
      permit = try routed.route.configuration.rule.permit(sender.identity, ramps.facts(of: routed))
      decision.unenforced = permit.unenforced
      if sender.identity.claims != nil { ramps.countPassed(at: routed.context.now) }
    } catch {
      return refuse(error, sender, ramps, routed, bytes)
    }
    return deliver(permit, of: sender, routed, bytes)
  }

  /// The sender of a request, and the evidence for it.
  struct Sender {
    let identity: Identity
    /// The index of the token in the verified-token cache; nil if it is not there.
    let cached: Int?
    let authentication: TokenAuthentication
  }

  private enum Identified: ~Copyable {
    case sender(Sender)
    /// The sender is unknown: the request is refused, answered, or has to wait.
    case unknown(Action)
  }

  /// Identifies the sender of the request; if keys, the issuer or a new token are needed first, the request waits for
  /// them.
  private func identify(_ routed: RoutedRequest, _ bytes: Span<UInt8>) -> Identified {
    let (route, context) = (routed.route, routed.context)
    var authentication = TokenAuthentication()
    guard route.tokenUse != .none else {
      return .sender(Sender(identity: .anonymous, cached: nil, authentication: authentication))
    }
    let outcome = authentication.authenticate(
      routed.head, bytes, for: route, isWebSocket: decision.upgrade?.webSocketKey != nil, renewed: request.renewal,
      waiting: wait, in: context)
    log.keep(authentication, at: context.now)
    log.hasOtherAuthorization =
      authentication.credential.range == nil && route.readsAuthorization && routed.head.authorizationLine >= 0
    if let action = renew(after: outcome, of: authentication.credential, routed, bytes) { return .unknown(action) }
    switch outcome {
    case .identity(let found, let place):
      context.count(found, cached: place, from: authentication.credential)
      return .sender(Sender(identity: found, cached: place, authentication: authentication))
    case .refused(let reason, let keyID, let provider):
      log.keepToken(
        keyID: keyID, provider: provider.map { context.active.providerNames[$0] }, authentication.refusedClaims,
        subject: authentication.refusedSubject, revokedBy: authentication.revokedBy)
      if isRenewalUnavailable { return .unknown(.refuse(RefusalResponse(.signInUnavailable))) }
      if let response = signInPage(insteadOf: reason, of: authentication.credential, routed, bytes, for: nil) {
        return .unknown(.answer(response))
      }
      return .unknown(.refuse(RefusalResponse(reason, route.challenges)))
    case .needsKeys(let provider):
      state = .waitingForKeys(provider: provider, answers: context.keys.providers[provider].answers)
      log.waits(from: context.now)
      return .unknown(.waitForKeys(provider: provider))
    case .needsIntrospection(let credential, let provider):
      state = .waitingForIntrospection(provider: provider)
      log.waits(from: context.now)
      return .unknown(.introspect(credential, provider: provider))
    }
  }

  private var wait: TokenAuthentication.Wait {
    if let introspection = request.introspection { return .introspected(introspection) }
    return state == .deciding ? .allowed : .over
  }

  /// Whether the refresh token could not be checked. Redirecting to sign-in now would discard a refresh token that may
  /// still be valid.
  private var isRenewalUnavailable: Bool { request.renewal?.isUnavailable == true }

  private func keep(_ sender: Sender, _ bytes: Span<UInt8>) {
    log.keep(sender.identity)
    if decision.upgrade != nil, case .introspected = sender.identity {
      request.introspected = sender.authentication.credential.introspected(from: bytes)
    }
  }

  /// The checks of a sender that precede the rule: its origin and the rate limit; nil if it passes them.
  private func admit(_ sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>) -> RefusalResponse? {
    let (route, context) = (routed.route, routed.context)
    let asksForTunnel = decision.upgrade != nil || decision.upgradeAskedAbout != nil
    if sender.authentication.isAmbient(sender.identity), asksForTunnel || !routed.head.knownMethod.isSafe,
      !RequestOrigin.isOwn(
        routed.head, bytes, for: asksForTunnel ? .upgrade : .response, isSecure: context.client.scheme == .https),
      route.cors?.trusts(routed.head, bytes) != true
    {
      return RefusalResponse(.originRefused)
    }
    guard let limit = route.subjectLimit, !request.isCounted else { return nil }
    request.isCounted = true
    return limit.count(sender.identity, in: context)
  }

  /// Handles a refusal by the rule: it is counted, and a browser may be redirected to sign in.
  private func refuse(
    _ refusal: Refusal, _ sender: Sender, _ ramps: EnforcementRamps, _ routed: RoutedRequest,
    _ bytes: Span<UInt8>
  ) -> Action {
    if let action = renew(after: refusal, of: sender, routed, bytes) { return action }
    decision.rampStop = ramps.count(refusal, of: sender.identity, routed)
    if isRenewalUnavailable { return .refuse(RefusalResponse(.signInUnavailable)) }
    decision.refusingTrier = refusal.trier
    if let response = signInPage(insteadOf: refusal, of: sender, routed, bytes) { return .answer(response) }
    return .refuse(RefusalResponse(refusal, routed.route.challenges))
  }

  /// Delivers an allowed request to the destination of its route.
  // Not inlined, for the same reason as `forward`.
  @inline(never)
  private func deliver(
    _ permit: consuming Permit, of sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>
  ) -> Action {
    if decision.forwardAuth != nil { return letPass(permit, of: sender, routed, bytes) }
    let (route, context) = (routed.route, routed.context)
    var path = routed.path
    if let rewrite = route.configuration.rewrite {
      do throws(PathError) {
        try rewrite.write(path.span, keeping: route.configuration.pathTraitsKept, to: &context.rewrittenPath)
      } catch {
        decision.unenforced = nil
        return .refuse(RefusalResponse(error.reason))
      }
      path = context.rewrittenPath
    }
    switch route.configuration.destination {
    case .redirect(let redirect):
      return .answer(RedirectResponse.response(redirect, path: path.span, bytes, query: routed.head.query))
    case .upstream(let upstream): return forward(permit, of: sender, routed, bytes, path, to: upstream)
    }
  }

  // Swift 6.3.1 crashes when it inlines this, with its noncopyable argument, into `authorize`.
  @inline(never)
  private func forward(
    _ permit: consuming Permit, of sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>, _ path: [UInt8],
    to upstream: Int
  ) -> Action {
    let (route, context) = (routed.route, routed.context)
    let credential = sender.authentication.credential
    let fields: [UInt8]
    do throws(IdentityUntold) {
      fields = try context.identityFields(permit.identity, cached: sender.cached, for: route)
    } catch {
      decision.unenforced = nil
      return .refuse(RefusalResponse(error.reason, route.challenges))
    }
    if route.hidesWebSocketProtocol(besides: credential) { takeWebSocketToken(bytes, context) }
    do throws(ForwardedHeadError) {
      let forwarded = try ForwardedHead(
        spending: permit, routed.head, bytes, path: path.span, identityFields: fields.span,
        facts: .init(
          client: context.client, requestID: requestID, credential: credential, route: route,
          upgrade: decision.upgrade, trace: request.trace,
          renewedCookie: credential.isRenewed ? request.renewal?.cookie : nil),
        configuration: routed.active, into: context.blocks.take())
      state = .waitingForUpstream
      return .forward(forwarded, upstream: upstream)
    } catch {
      decision.unenforced = nil
      return .refuse(RefusalResponse(error.reason))
    }
  }

  /// Removes the token from the WebSocket protocols that the upstream sees, also if another credential was used.
  private func takeWebSocketToken(_ bytes: Span<UInt8>, _ context: DecisionContext) {
    guard var upgrade = decision.upgrade, upgrade.webSocketKey != nil else { return }
    // A list that cannot be read was refused before.
    guard let token = try? WebSocketToken(context.head, bytes) else { return }
    upgrade.takeAway(token)
    decision.upgrade = upgrade
  }
}
