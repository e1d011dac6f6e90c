extension Resolver {
  /// How this gateway proves to an issuer who it is; nil where nothing is written, or after a report.
  ///
  /// - Parameter places: Of the mapping that the client is written in.
  mutating func resolveClient(
    _ client: ClientDraft, _ places: KeyPlaces
  ) -> IntrospectionConfiguration.ClientAuthentication? {
    checkClientFiles(client)
    if places.isWritten("private_key_file") {
      if places.isWritten("client_secret_file") {
        report(
          places.key("client_secret_file"),
          "\"client_secret_file\" together with \"private_key_file\"; a client authenticates in one way")
      }
      return client.privateKeyFile.map {
        .privateKeyFile(NamedFile($0), keyID: client.keyID, audience: client.audience)
      }
    }
    for name in ["key_id", "audience"] where places.isWritten(name) {
      report(places.key(name), "\"\(name)\" without \"private_key_file\"; it is for what that key signs")
    }
    return client.secretFile.map { .secretFile(NamedFile($0)) }
  }

  /// SECURITY L-3, K-8.
  private mutating func checkClientFiles(_ client: ClientDraft) {
    if let file = client.secretFile, let status = checkFile(file), status.isOpenToOthers {
      report(file.position, "the secret can be read by others; run chmod 600 \(file.value)")
    }
    if let file = client.privateKeyFile { checkPrivateKey(file) }
  }
}
