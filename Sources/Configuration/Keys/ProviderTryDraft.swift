import Tokens

/// `providers.<name>.try` as written.
struct ProviderTryDraft: Sendable {
  var audiences: [String]?
  var maxAge: Duration?
  var require = Decoded(TokenRequirementDraft())

  static let keys = KeyTable<ProviderTryDraft>(
    """
    What is tried on tokens that are accepted: decided, logged and counted, and enforced for nobody. Once it is clean, \
    write it into the provider itself.
    """,
    defaults: ProviderTryDraft(),
    keys: [
      Key(
        "audiences", ifWritten: \.audiences, .list(of: .text("an audience"), "audiences"),
        "The list that is to come; left out, as it is."),
      Key(
        "max_age", ifWritten: \.maxAge, .duration(.seconds(1) ... .seconds(366 * 86_400)),
        "The bound that is to come; left out, as it is."),
      Key(
        "require", \.require, ValueKind.mapping(TokenRequirementDraft.keys).notEmpty,
        "`typ` that is to come, and `claims` beside those that are required."),
    ])

  var checks: TriedTokenChecks {
    TriedTokenChecks(
      audiences: audiences.map { .oneOf($0) }, ageMaxSeconds: maxAge?.components.seconds, type: require.value.type,
      requiredClaims: require.value.claims)
  }
}
