import Tokens

extension Decoded<ListenerDraft> {
  /// Also where what is written has been reported.
  fileprivate var mayAskForCertificates: Bool {
    guard places.areSound("tls") else { return true }
    return value.tls?.places.isWritten("client_ca") ?? false
  }
}

extension Resolver {
  /// nil after a report.
  mutating func resolveClientCertificates(
    _ named: Named<ProviderDraft>, _ decoded: Decoded<ClientCertificateDraft>
  ) -> ProviderConfiguration? {
    for key in ProviderDraft.keys.keys.map(\.name) where key != "client_certificate" {
      guard named.body.places.isWritten(key) else { continue }
      report(
        named.body.places.key(key),
        "\"\(key)\" together with \"client_certificate\"; a client with a certificate sends no issuer's token")
    }
    if let listeners = draft.listeners, !listeners.contains(where: { $0.mayAskForCertificates }) {
      report(
        named.body.places.key("client_certificate"),
        "no listener asks for certificates; write \"client_ca\" and \"client_auth\" in the \"tls\" of one")
    }
    let authorities = Set((draft.listeners ?? []).compactMap { $0.value.tls?.value.clientAuthorities?.value })
    if authorities.count > 1 {
      report(
        named.body.places.key("client_certificate"),
        "listeners have different \"client_ca\", and any of those authorities could issue a certificate with any name; "
          + "write the same one for all that have one")
    }
    let names = resolveClients(decoded.value.clients)
    guard let subject = decoded.value.subject else { return nil }
    return ProviderConfiguration(
      name: named.name,
      policy: TokenPolicy(
        // Whoever issues a certificate has verified what stands in it.
        provider: named.name, issuer: named.name, audiences: .any, emailVerification: .assumed), keys: .none,
      credentialSources: [], dpop: .off, refreshEvery: .seconds(600), staleFor: .zero,
      certificateRule: CertificateRule(subject: subject, names: names))
  }

  private mutating func resolveClients(
    _ clients: [Decoded<CertifiedClientDraft>]?
  ) -> [(name: String, rights: CertificateRule.Rights)]? {
    guard let clients else { return nil }
    var names: [(name: String, rights: CertificateRule.Rights)] = []
    for client in clients {
      guard let name = client.value.name else { continue }
      if names.contains(where: { $0.name.isSameBytes(as: name.value) }) {
        report(name.position, "\(name.written) is named twice")
      }
      var rights = CertificateRule.Rights()
      rights.roles = client.value.roles
      rights.permissions = client.value.permissions
      names.append((name.value, rights))
    }
    return names
  }

  /// A requirement that no certificate meets refuses everyone.
  ///
  /// - Parameter route: One that only certificates identify clients on.
  mutating func checkCertificateRequirements(_ route: RouteDraft) {
    for draft in [route.requirement, route.tried?.value.requirement].compactMap(\.self) {
      checkCertificateRequirement(draft)
    }
  }

  private mutating func checkCertificateRequirement(_ draft: Decoded<RequirementDraft>) {
    for name in ["scopes", "acr", "max_age"] where draft.places.isWritten(name) {
      report(draft.places.key(name), "\"\(name)\" where only certificates identify clients; none of them has it")
    }
    for inner in draft.value.all ?? [] { checkCertificateRequirement(inner) }
  }

  /// Which of two a client is would be anyone's guess.
  mutating func checkCertificateProviders(_ names: [Located<String>]) {
    var first: Located<String>?
    for name in names {
      guard let provider = draft.providers.first(where: { $0.name == name.value }),
        provider.body.places.isWritten("client_certificate"), first?.value != name.value
      else { continue }
      if let first {
        report(
          name.position,
          "\(name.written) is for certificates, and so is \(first.written); a route can name one of them")
      } else {
        first = name
      }
    }
  }
}
