public import Reason

/// Why a rule refuses. In words, with what was found, `AccessRule.findings` says it.
public struct Refusal: Error, Equatable {
  public let reason: Reason
  /// What the client can get that would let it pass; empty where nothing would.
  public let remedy: Remedy
  /// Who tries what refuses, and enforces it for whoever is refused; nil: it is required.
  public internal(set) var trier: Trier?

  public var isTried: Bool { trier != nil }

  init(_ reason: Reason, remedy: Remedy = Remedy()) {
    self.reason = reason
    self.remedy = remedy
  }
}
