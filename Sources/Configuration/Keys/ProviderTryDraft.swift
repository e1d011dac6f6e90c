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
    What is tried on accepted tokens: decided, logged and counted, and enforced for nobody or for a share of the \
    senders. If it refuses too many requests, it is no longer enforced for anyone. Once it is clean, move it to the \
    provider itself.
    """,
    defaults: ProviderTryDraft(),
    keys: [
      Key(
        "audiences", ifWritten: \.audiences,
        ValueKind.list(of: .text("an audience"), "audiences")
          .keepingApart("any", advice: "with it nothing would be tried"),
        "The future list; if omitted, the present one."),
      Key(
        "max_age", ifWritten: \.maxAge, .wholeSeconds(.seconds(1) ... .seconds(366 * 86_400)),
        "The future limit; if omitted, the present one."),
      Key(
        "require", \.require, ValueKind.mapping(TokenRequirementDraft.keys).notEmpty,
        "The future `typ`, and `claims` besides those that are required."),
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
