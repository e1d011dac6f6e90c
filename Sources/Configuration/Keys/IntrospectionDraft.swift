/// `providers.<name>.introspection` as written.
struct IntrospectionDraft: Sendable {
  var url: Located<WebAddress>?
  var clientID: String?
  var clientSecretFile: Located<String>?
  var privateKeyFile: Located<String>?
  var keyID: String?
  var audience: String?
  var tokens = IntrospectionConfiguration.Tokens.opaque
  var cache = Duration.seconds(30)

  static let keys = KeyTable<IntrospectionDraft>(
    """
    The issuer is asked whether a token is active (RFC 7662), with `client_secret_file` or `private_key_file`. A route \
    can name one provider that has this.
    """,
    defaults: IntrospectionDraft(),
    keys: [
      Key(
        "url", ifWritten: \.url, ValueKind.fetchedURL.located, presence: .required,
        "The introspection endpoint: https, or http on loopback."),
      Key(
        "client_id", ifWritten: \.clientID, .text("a client id"), presence: .required,
        "What the issuer calls this gateway."),
      Key(
        "client_secret_file", ifWritten: \.clientSecretFile, ValueKind.path("a secret's path").located,
        "A file with the client's secret (`client_secret_basic`); not readable by others."),
      Key(
        "private_key_file", ifWritten: \.privateKeyFile, ValueKind.path("a key's path").located,
        """
        A PEM file with the client's private key (`private_key_jwt`), readable by its owner alone. RSA signs with \
        RS256, EC with the algorithm of its curve, Ed25519 with EdDSA.
        """),
      Key(
        "key_id", ifWritten: \.keyID, .text("a key id"),
        "The `kid` of what the key signs; left out, the key's thumbprint (RFC 7638)."),
      Key(
        "audience", ifWritten: \.audience, .text("an audience"), "The `aud` of what the key signs; left out, `url`."),
      Key(
        "tokens", \.tokens, .choice(IntrospectionConfiguration.Tokens.allCases.map { ($0.rawValue, $0) }),
        "`opaque`: those that are no JWT; a JWT is verified here. `all`: JWTs too, and the provider needs no keys."),
      Key(
        "cache", \.cache, .duration(.zero ... .seconds(300)),
        """
        How long, in whole seconds, the issuer's word is taken before it is asked again, and so how long a token that \
        it revoked may still pass. A token that is not active is remembered for at most 10s.
        """),
    ])
}
