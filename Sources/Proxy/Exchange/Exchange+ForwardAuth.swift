import Access
import Configuration
import HTTP
import Reason
import Sockets

/// Forward authentication: a proxy in front asks whether a request may pass, and forwards it itself.
extension Exchange {
  /// Decides the request that the proxy asks about as if it had been received directly. The response is 200 with the
  /// identity headers, 401, 403, or 400 if the question itself is invalid (SECURITY I-8); if the proxy passes responses
  /// on, also 303 to sign in.
  func decide(
    for forwardAuth: ActiveForwardAuth, _ question: Span<UInt8>, in context: DecisionContext
  ) -> Action {
    let path = context.path
    guard forwardAuth.peers.contains(context.client.peer.address) else {
      log.keepPath(path.span)
      return .refuse(RefusalResponse(.clientRefused))
    }
    do throws(ForwardAuthError) {
      try ForwardAuthRequest.write(context.head, question, to: &context.forwardAuthBytes)
    } catch {
      log.keepPath(path.span)
      return .refuse(RefusalResponse(error.reason))
    }
    let bytes = context.forwardAuthBytes
    decision.forwardAuth = ActiveForwardAuth.Mode(query: question, context.head.query)
    decision.upgradeAskedAbout = ForwardAuthRequest.upgrade(context.head, question)
    return decide(bytes.span, for: forwardAuth, in: context)
  }

  /// The refusal as the client understands it: a proxy that asks about another request knows only 401 and 403.
  func asAnswered(_ refusal: RefusalResponse) -> RefusalResponse {
    guard decision.forwardAuth != nil else { return refusal }
    var answered = refusal
    if refusal.status != 401 { answered.status = 403 }
    // The question itself is well-framed, whatever is wrong with the request that it is about.
    answered.connection = .kept
    return answered
  }

  private func decide(
    _ bytes: Span<UInt8>, for forwardAuth: ActiveForwardAuth, in context: DecisionContext
  ) -> Action {
    do throws(HeadError) {
      guard
        try RequestHeadParser.parse(
          bytes, from: 0, limits: context.active.headLimits, scheme: context.client.peerScheme, into: &context.head)
      else { return .refuse(RefusalResponse(.headTooLarge)) }
    } catch {
      return .refuse(RefusalResponse(error.reason))
    }
    let head = context.head
    log.forgetRequest()
    log.keepRequest(head, bytes)
    do throws(ForwardedError) {
      context.client = try Client(
        peer: context.client.peer, secured: request.secured, head, bytes, trusted: forwardAuth.trusted)
    } catch {
      return .refuse(RefusalResponse(error.reason))
    }
    if let client = context.client.said?.client { log.keep(AddressText(client.text)) }
    let traits: PathTraits
    do throws(PathError) {
      traits = try context.readPath(bytes)
    } catch {
      return .refuse(RefusalResponse(error.reason))
    }
    log.keepPath(context.path.span)
    let host = bytes.extracting(head.host.lowerBound..<head.host.upperBound)
    let matched = context.folded(context.pathToMatch(traits), of: host)
    return decideRoute(head, bytes, host: host, path: matched, traits, in: context)
  }

  /// Tells the proxy that asked that the request may pass, and the identity of its sender.
  // Not inlined, for the same reason as `forward`.
  @inline(never)
  func letPass(
    _ permit: consuming Permit, of sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>
  ) -> Action {
    let route = routed.route
    let identity = permit.identity
    _ = consume permit
    do throws(IdentityUntold) {
      let identityFields = try routed.context.identityFields(identity, cached: sender.cached, for: route)
      decision.forwardAuthFields =
        identityFields
        + (routed.context.active.forwardAuth?.answeredNames.emptyFields(besides: identityFields.span) ?? [])
        + Exchange.credentialFields(sender.authentication.credential, routed.head, bytes, route)
    } catch {
      decision.unenforced = nil
      return .refuse(RefusalResponse(error.reason, route.challenges))
    }
    return .answer(LocalResponse(status: 200, fields: [("Cache-Control", "no-store")], body: []))
  }

  /// The Authorization and Cookie lines that the application is to receive (SECURITY I-6): empty if it is to receive
  /// none, so that the proxy still replaces the client's.
  private static func credentialFields(
    _ credential: Credential, _ head: RequestHead, _ bytes: Span<UInt8>, _ route: ActiveRoute
  ) -> [UInt8] {
    var output = [UInt8]("Authorization: ".utf8)
    if head.authorizationLine >= 0 {
      var isKept = true
      if case .authorization = credential { isKept = route.configuration.token == .forward }
      let value = head.fields[head.authorizationLine].value
      if isKept { output.append(bytes, value) }
    }
    output += "\r\nCookie: ".utf8
    if head.cookieLine >= 0 {
      var rest: [UInt8] = []
      CookieLine.writeWithout(
        route.removedCookies.names, prefixes: route.removedCookies.prefixes,
        but: route.configuration.token == .forward ? credential.cookie : nil, in: bytes,
        head.fields[head.cookieLine].value, to: &rest)
      output += rest
    }
    output += "\r\n".utf8
    return output
  }
}
