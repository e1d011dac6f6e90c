extension Resolver {
  /// nil where it is left out, or after a report.
  mutating func resolveCodeFlow(_ provider: Decoded<ProviderDraft>) -> CodeFlowConfiguration? {
    guard let decoded = provider.value.codeFlow else { return nil }
    let (flow, places) = (decoded.value, decoded.places)
    for name in ["signing", "sign_in", "secret_file"] where provider.places.isWritten(name) {
      report(
        provider.places.key("code_flow"),
        "\"code_flow\" together with \"\(name)\"; it is for an issuer elsewhere, which signs with its own keys")
    }
    if provider.needsNoKeys {
      report(
        provider.places.key("code_flow"),
        "\"code_flow\" together with introspection of all tokens; ID tokens are verified here, with the issuer's keys")
    }
    if provider.value.dpop == .required {
      report(provider.places.value("dpop"), "dpop: required with \"code_flow\", whose sessions are not bound to a key")
    }
    if places.areSound("idle", "lifetime"), places.isWritten("idle"), flow.lifetime < flow.idle {
      report(
        places.value("idle"), "\"idle\" is longer than \"lifetime\", which is \(DurationText.write(flow.lifetime))")
    }
    let authentication = resolveClient(flow.client, places)
    if let state = flow.state { checkFolder(state) }
    if let url = flow.url { checkOrigin(url) }
    guard let clientID = flow.client.id, let url = flow.url, let state = flow.state else { return nil }
    return CodeFlowConfiguration(
      clientID: clientID, clientAuthentication: authentication,
      scopes: ["openid"] + flow.scopes.filter { $0 != "openid" }, origin: url.value.text,
      host: url.value.hostInRequests, path: flow.path, asksUserinfo: flow.asksUserinfo,
      lifetimeSeconds: flow.lifetime.components.seconds,
      idleSeconds: min(flow.idle, flow.lifetime).components.seconds, afterLogout: flow.afterLogout,
      stateFolder: NamedFile(state), cookies: SessionCookies(url.value.scheme == .https ? .secured : .clear))
  }

  /// What the redirect URI begins with is compared byte for byte by the issuer (RFC 9700 §4.1.3).
  private mutating func checkOrigin(_ url: Located<WebAddress>) {
    if !url.value.path.isEmpty {
      report(url.position, "\(url.written) is more than scheme, host and port; write it without a path or a slash")
    }
  }

  /// A cookie does not say whose session it is.
  mutating func checkSessions(_ names: [Located<String>]) {
    var first: Located<String>?
    for name in names {
      guard let provider = draft.providers.first(where: { $0.name == name.value }),
        provider.body.places.isWritten("code_flow"), first?.value != name.value
      else { continue }
      if let first {
        report(
          name.position, "\(name.written) has code_flow, and so has \(first.written); a route can name one of them")
      } else {
        first = name
      }
    }
  }
}
