public import Reason

/// Why a rule refuses. In words, with what was found, `AccessRule.findings` says it.
public struct Refusal: Error, Equatable {
  public let reason: Reason
  /// What the client can get that would let it pass; empty where nothing would.
  public let remedy: Remedy
  /// Whether it is only tried, and enforced for whoever is refused.
  public internal(set) var isTried = false

  init(_ reason: Reason, remedy: Remedy = Remedy()) {
    self.reason = reason
    self.remedy = remedy
  }
}
