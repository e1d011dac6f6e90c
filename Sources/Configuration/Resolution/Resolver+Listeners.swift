extension Resolver {
  mutating func resolveListeners() -> [ListenerConfiguration] {
    var listeners: [ListenerConfiguration] = []
    for listener in draft.listeners ?? [] {
      let tls = listener.value.tls.flatMap { resolveTLS($0) }
      guard let address = listener.value.address else { continue }
      if listeners.contains(where: { $0.address == address.value }) {
        report(address.position, "another listener has the same address")
      } else if let other = listeners.first(where: { $0.address.overlaps(address.value) }) {
        report(address.position, "the listener at \(other.address.written) already has this port")
      }
      if listener.value.tls != nil, listener.places.isWritten("redirect") {
        report(listener.places.key("redirect"), "\"redirect\" together with \"tls\"; it is for listeners without TLS")
      }
      listeners.append(
        ListenerConfiguration(
          address: address.value, proxyProtocol: listener.value.proxyProtocol, tls: tls,
          redirectPort: listener.value.redirectPort))
    }
    return listeners
  }

  /// nil after a report.
  private mutating func resolveTLS(_ tls: Decoded<ListenerTLSDraft>) -> ListenerTLSConfiguration? {
    let (value, places) = (tls.value, tls.places)
    let certificates = ([value.certificate] + value.certificates.map(\.value)).compactMap { resolveCertificate($0) }
    if places.isMissing("client_ca"), places.isWritten("client_auth") {
      report(
        places.key("client_auth"),
        "\"client_auth\" without \"client_ca\", the authorities whose client certificates are accepted")
    }
    if places.isMissing("client_auth"), places.isWritten("client_ca") {
      report(
        places.key("client_ca"),
        "\"client_ca\" without \"client_auth\"; write `client_auth: required` or `client_auth: optional`")
    }
    if let file = value.clientAuthorities { _ = checkFile(file) }
    guard !certificates.isEmpty else { return nil }
    var clients: ListenerTLSConfiguration.Clients?
    if let file = value.clientAuthorities, let authentication = value.clientAuthentication {
      clients = ListenerTLSConfiguration.Clients(
        authorities: NamedFile(file), areRequired: authentication == .required)
    }
    return ListenerTLSConfiguration(
      certificates: certificates, clients: clients, minimum: value.minimum, strictTransport: value.strictTransport)
  }

  private mutating func resolveCertificate(_ draft: CertificateDraft) -> ListenerTLSConfiguration.Certificate? {
    for file in [draft.certificate, draft.staple] {
      if let file { _ = checkFile(file) }
    }
    if let key = draft.key { checkPrivateKey(key) }
    guard let certificate = draft.certificate, let key = draft.key else { return nil }
    return ListenerTLSConfiguration.Certificate(
      chain: NamedFile(certificate), key: NamedFile(key), staple: draft.staple.map { NamedFile($0) })
  }

  /// SECURITY L-3, K-8.
  mutating func checkPrivateKey(_ key: Located<String>) {
    guard let status = checkFile(key), !status.isPrivate else { return }
    report(key.position, "the private key can be read by users other than its owner; run chmod 600 \(key.value)")
  }
}
