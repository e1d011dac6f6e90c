import Access

/// What becomes of requests that a route lets pass.
extension Resolver {
  /// nil after a report.
  mutating func resolveDestination(_ route: Decoded<RouteDraft>) -> RouteConfiguration.Destination? {
    let places = route.places
    if places.isMissing("upstream"), places.isMissing("redirect") {
      report(places.mapping, "the route has neither \"upstream\" nor \"redirect\"")
      return nil
    }
    if places.isWritten("upstream"), places.isWritten("redirect") {
      report(places.key("redirect"), "\"redirect\" together with \"upstream\"; a route has one or the other")
      return nil
    }
    guard places.isWritten("redirect") else { return resolveUpstreamName(route.value.upstream).map { .upstream($0) } }
    for name in ["identity", "assertion", "token", "headers", "timeouts", "upgrade", "on_expiry"]
    where places.isWritten(name) {
      report(places.key(name), "\"\(name)\" with \"redirect\"; nothing goes to an upstream")
    }
    guard let redirect = route.value.redirect, let target = redirect.target else { return nil }
    if target.path == .dropped {
      for name in ["strip_prefix", "rewrite"] where places.isWritten(name) {
        report(places.key(name), "\"\(name)\" with a \"redirect\" that has no `{path}`")
      }
    }
    return .redirect(RedirectConfiguration(target: target.base, path: target.path, status: redirect.status))
  }

  private mutating func resolveUpstreamName(_ name: Located<String>?) -> Int? {
    name.flatMap { index($0, among: draft.upstreams.map(\.name), "upstream") }
  }

  /// nil where the path is forwarded as it is, or after a report.
  mutating func resolveRewrite(_ route: Decoded<RouteDraft>) -> PathRewrite? {
    if route.places.isWritten("strip_prefix"), route.places.isWritten("rewrite") {
      report(route.places.key("rewrite"), "\"rewrite\" together with \"strip_prefix\"; one of them is enough")
      return nil
    }
    guard let pattern = route.value.path?.value.text, let written = route.value.stripPrefix ?? route.value.rewrite
    else { return nil }
    do throws(PatternError) {
      return route.value.stripPrefix == nil
        ? try PathRewrite(written.value, of: pattern)
        : try PathRewrite(stripping: written.value, from: pattern)
    } catch {
      report(written.position, "\(written.written) cannot be used: \(error.message)")
      return nil
    }
  }

  /// The names of all routes' identity headers, folded.
  var identityHeaderNames: Set<String> {
    Set((draft.routes ?? []).flatMap { $0.value.identityHeaderNames }.map(IdentityHeaderName.fold))
  }

  /// What tells an upstream who it is comes from tokens alone, on every route (SECURITY I-1).
  ///
  /// - Parameter identity: `identityHeaderNames`.
  mutating func checkHeaders(_ route: RouteDraft, besides identity: Set<String>) {
    guard let headers = route.headers?.value else { return }
    var taken: [String: String] = [:]
    let set = (headers.set ?? []).map { ($0.header.name, $0.position) }
    for (name, position) in set + (headers.removed ?? []).map({ ($0.value, $0.position) }) {
      let folded = IdentityHeaderName.fold(name)
      if identity.contains(folded) {
        report(position, "\"\(name)\" is an identity header; only tokens decide its value")
      } else if let other = taken.updateValue(name, forKey: folded) {
        report(position, "\"\(name)\" is the same header as \"\(other)\" to many applications; use only one of them")
      }
    }
  }

  /// Any origin with credentials is what browsers refuse, and rightly (Fetch §3.2.5).
  mutating func resolveCORS(_ route: Decoded<RouteDraft>) -> CORSConfiguration? {
    guard let cors = route.value.cors, let origins = cors.value.origins else { return nil }
    let isAny = origins.value.contains("*")
    if isAny, origins.value.count > 1 {
      report(origins.position, "\"*\" together with other origins, which it includes")
    }
    if isAny, cors.value.credentials {
      report(cors.places.key("credentials"), "\"credentials\" with any origin; list the origins that may use them")
    }
    if let methods = cors.value.methods, let own = route.value.methods, cors.places.areSound("methods"),
      route.places.areSound("methods")
    {
      for method in methods
      where !own.contains(method) && method != "OPTIONS" && !(method == "HEAD" && own.contains("GET")) {
        report(cors.places.value("methods"), "\(method) is not among the \"methods\" of the route")
      }
    }
    return CORSConfiguration(
      origins: isAny ? .any : .listed(origins.value),
      methods: cors.value.methods ?? route.value.methods ?? CORSDraft.usualMethods,
      headers: cors.value.headers, credentials: cors.value.credentials, maxAge: cors.value.maxAge)
  }

  mutating func checkRateLimit(_ route: Decoded<RouteDraft>) {
    guard let limit = route.value.rateLimit, limit.value.by == .subject, case .none? = route.value.authentication
    else { return }
    report(limit.places.value("by"), "by: subject with auth: none; nobody is asked who they are, so write by: client")
  }
}

extension RouteDraft {
  /// Of all headers that say who it is.
  fileprivate var identityHeaderNames: [String] {
    identityMapping.headerNames + (assertion.map { [$0.value.header] } ?? [])
  }

  var headerChanges: HeaderChanges {
    guard let headers = headers?.value else { return HeaderChanges() }
    return HeaderChanges(set: (headers.set ?? []).map(\.header), removed: (headers.removed ?? []).map(\.value))
  }
}
