import Access
import HTTP
import Reason
import Tokens

extension Resolver {
  mutating func resolveRoutes(
    _ limits: LimitsConfiguration, _ resources: [ProtectedResource]
  ) -> [RouteConfiguration] {
    var routes: [RouteConfiguration] = []
    var namesTaken: [String: Position] = [:]
    var coverage = (asWritten: RouteCoverage(), folded: RouteCoverage())
    var earlier: [(pattern: RoutePattern, line: Int)] = []
    let identity = identityHeaderNames
    for decoded in draft.routes ?? [] {
      checkName(decoded, &namesTaken)
      checkReach(decoded, &coverage, &earlier)
      checkOwnPaths(decoded.value, resources)
      checkHeaders(decoded.value, besides: identity)
      if let route = resolveRoute(decoded, limits, resources) { routes.append(route) }
    }
    return routes
  }

  /// nil after a report.
  private mutating func resolveRoute(
    _ decoded: Decoded<RouteDraft>, _ limits: LimitsConfiguration, _ resources: [ProtectedResource]
  ) -> RouteConfiguration? {
    let route = decoded.value
    let providers = resolveAuthentication(decoded)
    let destination = resolveDestination(decoded)
    let rewrite = resolveRewrite(decoded)
    let requirement = resolveRequirement(route)
    let tried = resolveTried(route, beside: requirement)
    if requirement.namesOwner || tried?.namesOwner == true { checkDestination(decoded) }
    let assertion = resolveAssertion(decoded)
    checkRateLimit(decoded)
    if route.upgrades.isEmpty, decoded.places.isWritten("on_expiry") {
      report(decoded.places.key("on_expiry"), "\"on_expiry\" with upgrade: none; there are no tunnels")
    }
    guard let path = route.path, let providers, let destination else { return nil }
    let names = providers.map { draft.providers[$0].name }
    let authentication: Authentication =
      names.isEmpty
      ? .none : route.anonymous == .allow ? .optional(providers: names) : .required(providers: names)
    let takesCertificatesAlone =
      !providers.isEmpty && providers.allSatisfy { draft.providers[$0].body.value.clientCertificate != nil }
    if takesCertificatesAlone { checkCertificateRequirements(route) }
    return RouteConfiguration(
      position: path.position,
      pathTraitsKept: route.pathTraitsKept,
      name: route.displayName,
      pattern: route.pattern(path),
      rule: AccessRule(
        authentication: authentication, requirement: requirement,
        anonymousRefusal: takesCertificatesAlone ? .certificateMissing : .credentialMissing,
        tried: tried),
      enforcementBudget: route.tried?.value.enforcement.enforcementBudget,
      providers: providers,
      identity: route.identityMapping,
      assertion: assertion,
      destination: destination,
      resourceMetadata: protectedResource(of: route.pattern(path), among: resources)?.metadataURL,
      rewrite: rewrite,
      headers: route.headerChanges,
      token: route.token,
      cors: resolveCORS(decoded),
      rateLimit: route.rateLimit?.value.value,
      upgrades: route.upgrades,
      onExpiry: route.onExpiry,
      clients: route.clients.map { ClientAddresses(allowed: $0.value.allow, denied: $0.value.deny ?? []) },
      bodyBytesMax: route.limits.value.bodyBytesMax ?? limits.bodyBytesMax,
      minimumRate: route.limits.value.minimumRate ?? limits.minimumRate,
      responseTimeout: route.timeouts.value.response)
  }

  /// Indices of the providers, none with `auth: none`; nil after a report.
  private mutating func resolveAuthentication(_ route: Decoded<RouteDraft>) -> [Int]? {
    guard let authentication = route.value.authentication else {
      // Open by accident is the fault that this program is there to prevent: being open has to be said.
      if route.places.isMissing("auth") {
        let known = draft.providers.map(\.name).joined(separator: ", ")
        report(
          route.places.mapping,
          known.isEmpty
            ? "\"auth\" is missing: write auth: none for everyone, or name a provider"
            : "\"auth\" is missing: write auth: none for everyone, or name one of the providers: \(known)")
      }
      return nil
    }
    switch authentication {
    case .none:
      // Of a route that another proxy asks about, it says which headers that proxy replaces.
      let names = ["require", "try", "anonymous", "assertion", "token", "on_expiry"]
      for name in draft.forwardAuth == nil ? names + ["identity"] : names where route.places.isWritten(name) {
        report(route.places.key(name), "\"\(name)\" with auth: none; nobody is asked for a token")
      }
      return []
    case .providers(let names):
      checkProofs(names, route)
      return resolveProviderNames(names)
    }
  }

  private mutating func resolveProviderNames(_ names: [Located<String>]) -> [Int]? {
    if names.count > RouteConfiguration.providersMax, let first = names.first {
      report(first.position, "a route names at most \(RouteConfiguration.providersMax) providers")
    }
    var indices: [Int] = []
    var issuers: [String: String] = [:]
    for name in names {
      guard let index = providerIndex(name) else { continue }
      if indices.contains(index) { report(name.position, "\(name.written) is named twice") }
      // SECURITY T-11: a token's issuer says whose keys verify it, so it must not say it twice.
      if let issuer = draft.providers[index].body.value.issuer?.value, !indices.contains(index) {
        if let other = issuers.updateValue(name.written, forKey: issuer) {
          report(name.position, "\(name.written) has the same issuer as \(other); a route can name one of them")
        }
      }
      indices.append(index)
    }
    checkIntrospection(names)
    checkCertificateProviders(names)
    checkSessions(names)
    return indices.count == names.count ? indices : nil
  }

  /// An opaque token does not say whose it is, and is not shown to another issuer to find out.
  private mutating func checkIntrospection(_ names: [Located<String>]) {
    var first: Located<String>?
    for name in names {
      guard let provider = draft.providers.first(where: { $0.name == name.value }),
        provider.body.places.isWritten("introspection"), first?.value != name.value
      else { continue }
      if let first {
        report(
          name.position,
          "\(name.written) has introspection, and so has \(first.written); a route can name one of them")
      } else {
        first = name
      }
    }
  }

  /// What a proof is for is compared with Host (RFC 9449 §4.3), which the sender writes: where any will do, they choose
  /// whose proof it is.
  private mutating func checkProofs(_ names: [Located<String>], _ route: Decoded<RouteDraft>) {
    guard !route.places.isWritten("host") else { return }
    for name in names {
      guard let provider = draft.providers.first(where: { $0.name == name.value }), provider.body.value.dpop != .off
      else { continue }
      report(
        name.position, "\(name.written) has dpop, and a proof is for one server: give the route a \"host\"")
    }
  }

  func hint(_ word: String, _ names: [String]) -> String {
    if names.isEmpty { return "; none is defined" }
    let hint = NearestWord.hint(word, in: names)
    return hint.isEmpty ? "; there are " + names.joined(separator: ", ") : hint
  }

  private mutating func checkName(_ route: Decoded<RouteDraft>, _ taken: inout [String: Position]) {
    guard let name = route.value.name, let first = taken.updateValue(name.position, forKey: name.value) else { return }
    report(name.position, "the route on line \(first.line) is already called \"\(name.value)\"")
  }

  /// A route that no request can reach protects nothing, whatever it says (SECURITY A-3).
  private mutating func checkReach(
    _ route: Decoded<RouteDraft>, _ coverage: inout (asWritten: RouteCoverage, folded: RouteCoverage),
    _ earlier: inout [(pattern: RoutePattern, line: Int)]
  ) {
    guard route.places.areSound("methods", "host"), let path = route.value.path else { return }
    let folds = foldsPaths(of: route.value)
    let pattern = folds ? route.value.pattern(path).foldingCase : route.value.pattern(path)
    // Both know all routes, so that they count alike.
    let covering = (coverage.asWritten.add(pattern), coverage.folded.add(pattern.foldingCase))
    if let index = folds ? covering.1 : covering.0 {
      let first = earlier[index]
      let isSame = pattern.covers(folds ? first.pattern.foldingCase : first.pattern)
      let reason = isSame ? "has the same pattern" : "matches all of its requests"
      report(path.position, "this route never matches: the one on line \(first.line) \(reason)")
    }
    earlier.append((pattern, path.position.line))
  }

  /// Whether the case of letters makes no difference to any request that the route may be for.
  private func foldsPaths(of route: RouteDraft) -> Bool {
    draft.caseInsensitivePaths.contains { $0.covers(route.host?.pattern ?? .any) }
  }

  /// SECURITY P-17: what the gateway answers itself is neither forwarded nor shadowed.
  private mutating func checkOwnPaths(_ route: RouteDraft, _ resources: [ProtectedResource]) {
    guard let path = route.path else { return }
    let folds = foldsPaths(of: route)
    let text = folds ? path.value.text.lowercased() : path.value.text
    func isAtOwn(_ own: String) -> Bool { text == (folds ? own.lowercased() : own) }
    for provider in draft.providers {
      guard let signIn = provider.body.value.signIn?.value,
        let issuer = provider.body.value.issuer.flatMap({ WebAddress($0.value)?.hostInRequests })
      else { continue }
      let isPage = text.isAt(signIn.path) && (signIn.hosts?.map(\.value) ?? [issuer]).contains { route.isFor(host: $0) }
      let documents = IssuerDocuments.paths(ofIssuer: provider.body.value.issuer?.value ?? "")
      let isDocument =
        route.isFor(host: issuer)
        && (IssuerDocuments.paths.contains { text.isAt($0) } || documents.contains(where: isAtOwn))
      guard isPage || isDocument else { continue }
      report(
        path.position, "the gateway itself answers this path: users sign in there for provider \"\(provider.name)\"")
      return
    }
    for provider in draft.providers {
      guard let flow = provider.body.value.codeFlow?.value, let url = flow.url, text.isAt(flow.path),
        route.isFor(host: url.value.hostInRequests)
      else { continue }
      report(
        path.position, "the gateway itself answers this path: users sign in there for provider \"\(provider.name)\"")
      return
    }
    for resource in resources where isAtOwn(resource.metadataPath) {
      guard route.host == nil || route.host?.text.lowercased() == resource.host else { continue }
      report(path.position, "the gateway itself answers this path: the metadata of \"\(resource.resource)\"")
      return
    }
    if let asked = draft.forwardAuth?.value.path?.value, isAtOwn(asked) {
      report(path.position, "the gateway itself answers this path: proxies ask there (\"forward_auth\")")
      return
    }
    guard text.isAt(ProviderConfiguration.publishedKeysPath) else { return }
    for provider in draft.providers where provider.body.value.signing != nil {
      let host = provider.body.value.issuer.flatMap { WebAddress($0.value)?.host }
      guard route.host == nil || route.host?.text.lowercased() == host?.lowercased() else { continue }
      report(path.position, "the gateway itself answers this path: the keys of provider \"\(provider.name)\"")
      return
    }
  }
}

extension String {
  fileprivate func isAt(_ path: String) -> Bool { self == path || hasPrefix(path + "/") }
}

extension RouteDraft {
  /// Whether requests for that host may be the route's; also where `*.example.com` takes it in.
  fileprivate func isFor(host: String) -> Bool {
    guard let own = self.host?.text.lowercased() else { return true }
    return own == host || (own.hasPrefix("*.") && host.hasSuffix(own.dropFirst()))
  }

  /// `name`; or methods, host and path as written, which tell routes apart that have no name.
  var displayName: String {
    if let name { return name.value }
    let verb = methods.map { $0.joined(separator: ",") + " " } ?? ""
    return verb + (host?.text ?? "") + (path?.value.text ?? "")
  }

  func pattern(_ path: Located<Written<PathPattern>>) -> RoutePattern {
    RoutePattern(host: host?.pattern ?? .any, path: path.value.pattern, methods: methods ?? [])
  }

  var pathTraitsKept: PathTraits {
    var kept: PathTraits = []
    if encodedSlashes == .keep { kept.insert(.encodedSlash) }
    if doubleSlashes == .keep { kept.insert(.doubleSlash) }
    if pathParameters == .keep { kept.insert(.parameter) }
    return kept
  }

  var identityMapping: IdentityMapping {
    guard let identity else { return .defaults }
    return IdentityMapping(headers: identity.headers, defaults: identity.defaults == .kept ? .included : .leftOut)
  }
}
