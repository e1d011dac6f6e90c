public import Reason

/// Why a rule refuses a request. `AccessRule.findings` says the same in words, with what was found.
public struct Refusal: Error, Equatable {
  /// The reason, which determines the status of the response.
  public let reason: Reason
  /// What the client can obtain so that it would pass; empty if nothing would help.
  public let remedy: Remedy
  /// Who tries what refuses the request, and enforces it for this sender; nil: it is required.
  public internal(set) var trier: Trier?

  /// Whether the refusal comes from something that is only tried.
  public var isTried: Bool { trier != nil }

  init(_ reason: Reason, remedy: Remedy = Remedy()) {
    self.reason = reason
    self.remedy = remedy
  }
}
