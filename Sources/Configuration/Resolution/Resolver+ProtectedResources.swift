import Access

extension Resolver {
  mutating func resolveProtectedResources() -> [ProtectedResource] {
    var resources: [ProtectedResource] = []
    for decoded in draft.protectedResources ?? [] {
      let value = decoded.value
      var providers: [Int] = []
      for name in value.providers ?? [] {
        guard let index = providerIndex(name) else { continue }
        providers.append(index)
        let provider = draft.providers[index].body
        if let issuer = provider.value.issuer, WebAddress(issuer.value) == nil {
          report(
            name.position,
            "the issuer of \(name.written) is not a URL, by which metadata names issuers (RFC 9728 §2)")
        } else if provider.places.isWritten("client_certificate") {
          report(name.position, "\(name.written) is for certificates: no issuer issues tokens for it")
        }
      }
      guard let resource = value.resource else { continue }
      let address = resource.value
      let made = ProtectedResource(
        resource: address.text, host: address.host.lowercased(),
        origin: String(address.text.dropLast(address.path.count)), path: address.path == "/" ? "" : address.path,
        providers: providers, scopes: value.scopes, name: value.name)
      let folds = draft.caseInsensitivePaths.contains { $0.covers(.exact(made.host)) }
      func key(_ path: String) -> String { folds ? path.lowercased() : path }
      if resources.contains(where: { $0.host == made.host && key($0.path) == key(made.path) }) {
        report(resource.position, "\(resource.written) is already described")
      }
      resources.append(made)
    }
    return resources
  }

  /// The one that the route belongs to, of several the innermost.
  ///
  /// A route for any host belongs to a resource only where all resources are of one host: it cannot know which one a
  /// client means.
  func protectedResource(of route: RoutePattern, among resources: [ProtectedResource]) -> ProtectedResource? {
    if route.host == .any, Set(resources.map(\.host)).count > 1 { return nil }
    return resources.filter { $0.holds(route) }.max { $0.path.utf8.count < $1.path.utf8.count }
  }
}
