/// Who this gateway is to an issuer, as written.
struct ClientDraft: Sendable {
  var id: String?
  var secretFile: Located<String>?
  var privateKeyFile: Located<String>?
  var keyID: String?
  var audience: String?

  /// The keys of a mapping that says it beside other things.
  ///
  /// - Parameter audience: What the `audience` is where it is left out.
  static func keys<Target: HoldsClient>(audience: String) -> [Key<Target>] {
    [
      Key(
        "client_id", ifWritten: \.client.id, .text("a client id"), presence: .required,
        "This gateway's client id at the issuer."),
      Key(
        "client_secret_file", ifWritten: \.client.secretFile, ValueKind.path("a secret's path").located,
        "A file with the client's secret (`client_secret_basic`); not readable by others."),
      Key(
        "private_key_file", ifWritten: \.client.privateKeyFile, ValueKind.path("a key's path").located,
        """
        A PEM file with the client's private key (`private_key_jwt`), readable only by its owner. RSA signs with \
        RS256, EC with the algorithm of its curve, Ed25519 with EdDSA.
        """),
      Key(
        "key_id", ifWritten: \.client.keyID, .text("a key id"),
        "The `kid` of what the key signs; if omitted, the key's thumbprint (RFC 7638)."),
      Key(
        "audience", ifWritten: \.client.audience, .text("an audience"),
        "The `aud` of what the key signs; if omitted, \(audience)."),
    ]
  }
}

/// A mapping that says who this gateway is to an issuer.
protocol HoldsClient: Sendable {
  var client: ClientDraft { get set }
}
