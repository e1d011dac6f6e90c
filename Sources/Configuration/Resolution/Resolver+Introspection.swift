extension Resolver {
  /// nil where it is left out, or after a report.
  mutating func resolveIntrospection(_ provider: Decoded<ProviderDraft>) -> IntrospectionConfiguration? {
    guard let decoded = provider.value.introspection else { return nil }
    let introspection = decoded.value
    checkIntrospectedKeys(provider, introspection)
    let places = decoded.places
    let authentication = resolveClient(introspection.client, places)
    if places.isMissing("client_secret_file"), places.isMissing("private_key_file") {
      report(
        places.mapping, "the client has no credential: write \"client_secret_file\" or \"private_key_file\"")
    }
    guard let url = introspection.url, let clientID = introspection.client.id, let authentication else { return nil }
    return IntrospectionConfiguration(
      url: url.value.text, clientID: clientID, clientAuthentication: authentication, tokens: introspection.tokens,
      cacheSeconds: introspection.cache.components.seconds)
  }

  /// What is asked of the issuer is not verified here, and what is signed here nobody else knows.
  private mutating func checkIntrospectedKeys(_ provider: Decoded<ProviderDraft>, _ introspection: IntrospectionDraft) {
    let places = provider.places
    if places.isWritten("signing") {
      report(
        places.key("introspection"),
        "\"introspection\" together with \"signing\"; this gateway issues the tokens itself")
    } else if introspection.tokens == .all {
      for name in ["jwks_url", "jwks_file", "secret_file", "algorithms", "refresh"] where places.isWritten(name) {
        report(
          places.key(name), "\"\(name)\" together with introspection of all tokens; none of them is verified with a key"
        )
      }
    }
  }
}

extension Decoded<ProviderDraft> {
  /// Whether every token is introspected, so that no key is needed.
  var needsNoKeys: Bool { value.introspection?.value.tokens == .all }
}
