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
  /// What the client can get that would let it pass; empty where nothing would.
  public let remedy: Remedy

  init(_ reason: Reason, expected: String, found: String, remedy: Remedy = Remedy()) {
    self.reason = reason
    self.expected = expected
    self.found = found
    self.remedy = remedy
  }

  func with(_ remedy: Remedy) -> Refusal { Refusal(reason, expected: expected, found: found, remedy: remedy) }
}
