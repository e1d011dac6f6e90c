/// `routes[].assertion` as written.
struct AssertionDraft: Sendable {
  var header = "X-Portcullis-Assertion"
  var audience: String?
  var lifetime = Duration.seconds(60)
  var provider: Located<String>?

  static let keys = KeyTable<AssertionDraft>(
    """
    A signed token from the gateway that tells the upstream who the sender is; the upstream verifies it with the keys \
    at `\(ProviderConfiguration.publishedKeysPath)`: [assertions](routes.md#a-signed-assertion).
    """,
    defaults: AssertionDraft(),
    keys: [
      Key("header", \.header, .assertionHeader, "The header that carries it. The client's own is always removed."),
      Key(
        "audience", ifWritten: \.audience, .text("an audience"), presence: .required,
        "Its `aud`, which the upstream compares with its own name."),
      Key(
        "lifetime", \.lifetime, .wholeSeconds(.seconds(10) ... .seconds(600)),
        """
        How long it is valid, and never longer than the accepted token. Each one is reused until half of this is over.
        """),
      Key(
        "provider", ifWritten: \.provider, ValueKind.text("a provider").located,
        """
        The provider whose key signs it, one with `signing` and ES256 or EdDSA; if omitted, the only one that has `signing`.
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
