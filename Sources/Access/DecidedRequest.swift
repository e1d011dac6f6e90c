public import Reason
public import Tokens

/// What a route's rule was asked about, kept so that what it found can be said later: that takes no work before somebody
/// asks.
public struct DecidedRequest: Sendable {
  /// Who the rule was asked about.
  public enum Sender: Sendable {
    /// nil: who shows nothing.
    case identity(ClaimsSet?)
    /// Their credential was refused, so that nobody knows what it says; but for the claims that it was refused for, where
    /// its signature held.
    case refused(Reason, RefusedClaims?)
  }

  private let rule: AccessRule
  private let sender: Sender
  private let facts: RequestFacts

  public init(_ rule: AccessRule, _ sender: Sender, _ facts: RequestFacts) {
    self.rule = rule
    self.sender = sender
    self.facts = facts
  }

  /// Each thing that the rule asks for, with what was found.
  public var findings: [Finding] {
    switch sender {
    case .identity(let claims): rule.findings(claims, facts) + rule.triedFindings(claims, facts)
    case .refused(let reason, let claims): rule.findings(ofRefused: reason, claims)
    }
  }
}
