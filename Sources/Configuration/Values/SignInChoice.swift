import HTTP

/// With which of a route's providers a browser signs in: on each host with the one that has its pages there, if the
/// cookie that it gets of them is looked for.
public struct SignInChoice: Sendable {
  /// In lower case, without ports; each of one provider.
  private let hosts: [(name: [UInt8], provider: Int)]

  /// - Parameters:
  ///   - route: Whose providers they are, by their indices.
  ///   - providers: All of the configuration.
  public init(_ route: RouteConfiguration, _ providers: [ProviderConfiguration]) {
    hosts = route.providers.filter { providers[$0].takesSignInCookie }.flatMap { provider in
      (providers[provider].signInPages?.hosts ?? []).map { ([UInt8]($0.utf8), provider) }
    }
  }

  /// The provider's index; nil: nobody signs in on that host, where the browser would not send the cookies.
  ///
  /// - Parameter host: In any case, without a port.
  public func provider(for host: Span<UInt8>) -> Int? {
    for (name, provider) in hosts where name.count == host.count {
      var isSame = true
      for offset in name.indices where FieldText.lowered(host[offset]) != name[offset] {
        isSame = false
        break
      }
      if isSame { return provider }
    }
    return nil
  }
}

extension ProviderConfiguration {
  /// Whether its tokens may come in the cookie that whoever signs in at it gets.
  fileprivate var takesSignInCookie: Bool {
    if let signIn { return credentialSources.contains(.cookie(signIn.cookies.access)) }
    return codeFlow != nil
  }
}
