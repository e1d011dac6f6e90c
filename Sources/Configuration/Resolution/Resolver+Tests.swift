import Tokens

extension Resolver {
  /// - Parameter routes: Those that could be resolved: their indices count where nothing was reported.
  mutating func resolveTests(_ routes: [RouteConfiguration]) -> [PolicyTest] {
    var tests: [PolicyTest] = []
    let routeNames = (draft.routes ?? []).map(\.value.displayName)
    for decoded in draft.tests ?? [] {
      let test = decoded.value
      let route = test.route.flatMap { index($0, among: routeNames, "route") }
      let upstream = test.upstream.flatMap { index($0, among: draft.upstreams.map(\.name), "upstream") }
      let identity = test.identity.map { resolveIdentity($0.value) }
      guard let request = test.request, let expectation = test.expectation else { continue }
      if let upstream = test.upstream, expectation != .allowed {
        report(upstream.position, "what is refused goes to no upstream; leave it out, or write expect: allowed")
      }
      if let shadow = test.shadow, expectation != .allowed {
        report(shadow.position, "what is refused is tried no further; leave it out, or write expect: allowed")
      }
      tests.append(
        PolicyTest(
          position: decoded.places.mapping, name: test.name, request: request, identity: identity,
          expectation: expectation, route: route, upstream: upstream, shadow: test.shadow?.value))
    }
    return tests
  }

  private mutating func resolveIdentity(_ draft: SupposedIdentityDraft) -> SupposedIdentity {
    var claims = StatedClaims()
    claims.subject = draft.subject
    claims.roles = draft.roles
    claims.scopes = draft.scopes
    claims.permissions = draft.permissions
    claims.others = draft.claims.map { ($0.path, $0.value) }
    return SupposedIdentity(
      provider: draft.provider.flatMap { providerIndex($0) }, claims: claims,
      authenticatedAgo: draft.authenticated?.components.seconds)
  }
}
