public import Reason

/// What a rule says of an identity.
public enum Verdict: Sendable {
  case allowed
  case refused(Refusal)
}

/// Why a rule refuses, in words for the operator.
public struct Refusal: Sendable, Equatable {
  public let reason: Reason
  public let expected: String
  public let found: String
  /// What `scope` of the challenge names (RFC 6750 §3).
  public let neededScopes: [String]

  init(_ reason: Reason, expected: String, found: String, neededScopes: [String] = []) {
    self.reason = reason
    self.expected = expected
    self.found = found
    self.neededScopes = neededScopes
  }
}
