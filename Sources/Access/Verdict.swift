public import Reason

/// What a rule says of an identity.
public enum Verdict: Sendable {
  case allowed
  case refused(Refusal)
}

/// Why a rule refuses. In words, with what was found, `AccessRule.findings` says it.
public struct Refusal: Sendable, Equatable {
  public let reason: Reason
  /// What the client can get that would let it pass; empty where nothing would.
  public let remedy: Remedy

  init(_ reason: Reason, remedy: Remedy = Remedy()) {
    self.reason = reason
    self.remedy = remedy
  }
}
