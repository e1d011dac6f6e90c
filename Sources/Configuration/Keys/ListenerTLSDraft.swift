/// `listeners[].tls` as written.
struct ListenerTLSDraft: Sendable {
  enum ClientAuthentication: Sendable { case optional, required }

  var certificate = CertificateDraft()
  var certificates: [Decoded<CertificateDraft>] = []
  var clientAuthorities: Located<String>?
  var clientAuthentication: ClientAuthentication?
  var minimum = ListenerTLSConfiguration.Minimum.tls12
  var strictTransport: Duration?

  static let keys = KeyTable<ListenerTLSDraft>(
    """
    TLS on the listener (RFC 8446, RFC 5246): versions 1.2 and 1.3, only suites with AEAD and forward secrecy. ALPN \
    offers `http/1.1`. The files are read again on SIGHUP.
    """,
    defaults: ListenerTLSDraft(),
    keys: CertificateDraft.keys(\.certificate.certificate, \.certificate.key, \.certificate.staple) + [
      Key(
        "certificates", \.certificates, .list(of: .mapping(CertificateDraft.table), "certificates"),
        """
        More certificates: each is presented to clients that ask for one of its hosts (SNI). If several match, an \
        exact name goes before a wildcard, then the earlier one; if none matches, `certificate` is presented.
        """),
      Key(
        "client_ca", ifWritten: \.clientAuthorities, ValueKind<String>.path("a file of certificates").located,
        "PEM: the authorities whose client certificates are accepted; `client_auth` says whether one is required."),
      Key(
        "client_auth", ifWritten: \.clientAuthentication, .choice([("required", .required), ("optional", .optional)]),
        """
        Whether a client without a certificate is refused in the handshake. A certificate that does not verify always \
        is. If omitted, no client is asked for one.
        """),
      Key("minimum", \.minimum, .choice([("1.2", .tls12), ("1.3", .tls13)]), "The minimum TLS version."),
      Key(
        "hsts", ifWritten: \.strictTransport, .wholeSeconds(.zero ... .seconds(3650 * 86_400)),
        """
        How long browsers must use only TLS after each response: Strict-Transport-Security (RFC 6797) on every one, \
        instead of the upstream's. 0s revokes it.
        """),
    ])
}

/// The files of one certificate as written.
struct CertificateDraft: Sendable {
  var certificate: Located<String>?
  var key: Located<String>?
  var staple: Located<String>?

  static let table = KeyTable<CertificateDraft>(
    "One more certificate.", defaults: CertificateDraft(), keys: keys(\.certificate, \.key, \.staple))

  /// The keys, in a mapping that may have others.
  static func keys<Target>(
    _ certificate: any WritableKeyPath<Target, Located<String>?> & Sendable,
    _ key: any WritableKeyPath<Target, Located<String>?> & Sendable,
    _ staple: any WritableKeyPath<Target, Located<String>?> & Sendable
  ) -> [Key<Target>] {
    [
      Key(
        "certificate", ifWritten: certificate, ValueKind<String>.path("a file of certificates").located,
        presence: .required,
        """
        PEM: the certificate, then its chain to an authority that clients trust. Its hosts are its subject alternative \
        names; a request for another is answered 421.
        """),
      Key(
        "key", ifWritten: key, ValueKind<String>.path("a private key").located,
        presence: .required, "PEM: its private key, not encrypted, mode 0600."),
      Key(
        "ocsp", ifWritten: staple, ValueKind<String>.path("an OCSP response").located,
        "DER: an OCSP response (RFC 6960) that is stapled until it expires. Send SIGHUP after renewing the file."),
    ]
  }
}
