extension Resolver {
  /// nil where it is left out, or after a report.
  mutating func resolveIntrospection(_ provider: Decoded<ProviderDraft>) -> IntrospectionConfiguration? {
    guard let decoded = provider.value.introspection else { return nil }
    let introspection = decoded.value
    checkIntrospectedKeys(provider, introspection)
    checkClientFiles(introspection)
    let authentication = resolveClientAuthentication(decoded)
    guard let url = introspection.url, let clientID = introspection.clientID, let authentication else { return nil }
    return IntrospectionConfiguration(
      url: url.value.text, clientID: clientID, clientAuthentication: authentication, tokens: introspection.tokens,
      cacheSeconds: introspection.cache.components.seconds)
  }

  /// nil after a report.
  private mutating func resolveClientAuthentication(
    _ decoded: Decoded<IntrospectionDraft>
  ) -> IntrospectionConfiguration.ClientAuthentication? {
    let (value, places) = (decoded.value, decoded.places)
    if places.isWritten("private_key_file") {
      if places.isWritten("client_secret_file") {
        report(
          places.key("client_secret_file"),
          "\"client_secret_file\" beside \"private_key_file\"; a client authenticates in one way")
      }
      return value.privateKeyFile.map { .privateKeyFile($0.value, keyID: value.keyID, audience: value.audience) }
    }
    for name in ["key_id", "audience"] where places.isWritten(name) {
      report(places.key(name), "\"\(name)\" without \"private_key_file\"; it is for what that key signs")
    }
    if places.isMissing("client_secret_file"), places.isMissing("private_key_file") {
      report(
        places.mapping, "the client has no credential: write \"client_secret_file\" or \"private_key_file\"")
    }
    return value.clientSecretFile.map { .secretFile($0.value) }
  }

  /// SECURITY.md L-3, K-8.
  private mutating func checkClientFiles(_ introspection: IntrospectionDraft) {
    if let file = introspection.clientSecretFile, let status = checkFile(file), status.isOpenToOthers {
      report(file.position, "the secret can be read by others; run chmod 600 \(file.value)")
    }
    if let file = introspection.privateKeyFile, let status = checkFile(file), !status.isPrivate {
      report(file.position, "the private key can be read by others than its owner; run chmod 600 \(file.value)")
    }
  }

  /// What is asked of the issuer is not verified here, and what is signed here nobody else knows.
  private mutating func checkIntrospectedKeys(_ provider: Decoded<ProviderDraft>, _ introspection: IntrospectionDraft) {
    let places = provider.places
    if places.isWritten("signing") {
      report(
        places.key("introspection"), "\"introspection\" beside \"signing\"; this gateway issues the tokens itself")
    } else if introspection.tokens == .all {
      for name in ["jwks_url", "jwks_file", "secret_file", "algorithms", "refresh"] where places.isWritten(name) {
        report(
          places.key(name), "\"\(name)\" beside introspection of all tokens; none of them is verified with a key")
      }
    }
  }
}

extension Decoded<ProviderDraft> {
  /// Whether every token is introspected, so that no key is needed.
  var needsNoKeys: Bool { value.introspection?.value.tokens == .all }
}
