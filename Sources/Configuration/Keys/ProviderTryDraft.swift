import Access
import Tokens

/// `providers.<name>.try` as written.
struct ProviderTryDraft: TriedDraft {
  var audiences: [String]?
  var maxAge: Duration?
  var require = Decoded(TokenRequirementDraft())
  var enforcement = EnforcementDraft()

  static let keys = KeyTable<ProviderTryDraft>(
    """
    What is tried on tokens that are accepted: decided, logged and counted, and enforced for nobody or for a share of the \
    senders. Where a share refuses too many requests it is enforced for nobody any more. Once it is clean, write it into \
    the provider itself.
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
    ]
      + enforcementKeys(
        requests: "the requests with the provider's tokens", place: "the provider itself"))

  var checks: TriedTokenChecks {
    let percentage = if case .share(let percentage) = enforcement.enforcement { percentage } else { 0 }
    return TriedTokenChecks(
      audiences: audiences.map { .oneOf($0) }, ageMaxSeconds: maxAge?.components.seconds, type: require.value.type,
      requiredClaims: require.value.claims, enforcedPercentage: percentage)
  }
}
