/// `providers.<name>.introspection` as written.
struct IntrospectionDraft: HoldsClient {
  var url: Located<WebAddress>?
  var client = ClientDraft()
  var tokens = IntrospectionConfiguration.Tokens.opaque
  var cache = Duration.seconds(30)

  static let keys = KeyTable<IntrospectionDraft>(
    """
    The issuer is asked whether a token is active (RFC 7662), with `client_secret_file` or `private_key_file`. A route \
    can name only one provider with this.
    """,
    defaults: IntrospectionDraft(),
    keys: [
      Key(
        "url", ifWritten: \.url, ValueKind.fetchedURL.located, presence: .required,
        "The introspection endpoint: https, or http on loopback.")
    ] + ClientDraft.keys(audience: "`url`") + [
      Key(
        "tokens", \.tokens, .choice(IntrospectionConfiguration.Tokens.allCases.map { ($0.rawValue, $0) }),
        "`opaque`: tokens that are not JWTs; JWTs are verified here. `all`: JWTs too, and the provider needs no keys."),
      Key(
        "cache", \.cache, .wholeSeconds(.zero ... .seconds(300)),
        """
        How long the issuer's response is cached, and so how long a token that it revoked may still \
        pass. A token that is not active is remembered for at most 10s.
        """),
    ])
}
