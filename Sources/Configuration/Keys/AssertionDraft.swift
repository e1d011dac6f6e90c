/// `routes[].assertion` as written.
struct AssertionDraft: Sendable {
  var header = "X-Portcullis-Assertion"
  var audience: String?
  var lifetime = Duration.seconds(60)
  var provider: Located<String>?

  static let keys = KeyTable<AssertionDraft>(
    """
    A signed token of the gateway's own that tells the upstream who it is, and that it verifies with the keys at \
    `\(ProviderConfiguration.publishedKeysPath)`: [assertions](routes.md#a-signed-assertion).
    """,
    defaults: AssertionDraft(),
    keys: [
      Key("header", \.header, .assertionHeader, "The header that carries it. A client's own never arrives."),
      Key(
        "audience", ifWritten: \.audience, .text("an audience"), presence: .required,
        "Whom it is for: its `aud`, which the upstream compares with its own name."),
      Key(
        "lifetime", \.lifetime, .duration(.seconds(10) ... .seconds(600)),
        """
        How long it is good, and never longer than the token that was accepted. One is sent again until half of this is \
        over.
        """),
      Key(
        "provider", ifWritten: \.provider, ValueKind.text("a provider").located,
        """
        The provider whose key signs, one with `signing` by ES256 or EdDSA; left out, the only one that has `signing`.
        """),
    ])
}

extension ValueKind where Value == String {
  fileprivate static var assertionHeader: ValueKind {
    .scalar(noun: "a header", reference: "header", text: \.self) { scalar throws(ValueFault) in
      if let fault = IdentityHeaderName.fault(scalar.text, beside: []) { throw fault }
      return scalar.text
    }
  }
}
