/// One thing that was looked at of an issuer: what was found, and what to do about it.
public struct IssuerFinding: Sendable, Equatable {
  /// The worst is the largest.
  public enum Severity: Int, Sendable, Comparable {
    case good
    /// It works, and will not always, or not as it could.
    case warning
    /// Tokens are refused because of it, or more is believed than should be.
    case fault

    /// Whether `left` is less bad than `right`.
    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
  }

  /// Whether anything is wrong.
  public let severity: Severity
  /// What was looked at: a word or two.
  public let subject: String
  /// What was found, for people: a sentence without the full stop.
  public let verdict: String
  /// nil: nothing is to be done.
  public let remedy: String?

  /// - Parameter remedy: What to do about it; nil: nothing is to be done.
  public init(_ severity: Severity, _ subject: String, _ verdict: String, remedy: String? = nil) {
    self.severity = severity
    self.subject = subject
    self.verdict = verdict
    self.remedy = remedy
  }
}
