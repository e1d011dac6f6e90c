public import Reason
public import Tokens

/// What a route's rule was asked about, kept so that its findings can be computed if someone asks for them.
public struct DecidedRequest: Sendable {
  /// Who the rule was asked about.
  public enum Sender: Sendable {
    /// Someone with these claims; nil: someone without a credential.
    case identity(ClaimsSet?)
    /// Someone whose credential was refused, so that nothing is known of them, except for the claims that it was
    /// refused for if its signature was valid.
    case refused(Reason, RefusedClaims?)
    /// Someone whose `Authorization` has no token that the gateway reads, but something else (`Basic …`, or a token
    /// without `Bearer`).
    case otherAuthorization(Reason)
  }

  private let rule: AccessRule
  private let sender: Sender
  private let facts: RequestFacts

  /// Keeps what the rule was asked about.
  public init(_ rule: AccessRule, _ sender: Sender, _ facts: RequestFacts) {
    self.rule = rule
    self.sender = sender
    self.facts = facts
  }

  /// One finding for each condition of the rule, and then for each that it tries.
  public var findings: [Finding] {
    switch sender {
    case .identity(let claims): rule.findings(claims, facts) + rule.triedFindings(claims, facts)
    case .refused(let reason, let claims): rule.findings(ofRefused: reason, claims)
    case .otherAuthorization(let reason):
      rule.findings(ofRefused: reason, nil).map { finding in
        Finding(
          finding.reason, expected: finding.expected,
          found: "none: there is an Authorization field, but it does not begin with Bearer")
      }
    }
  }
}
