public import Tokens

/// Where the access log goes and how it is written, and how much the program says of itself.
public struct LogConfiguration: Sendable, Hashable {
  public enum Target: Sendable, Hashable {
    case stdout, stderr, off
    case file(String)
  }
  public enum Format: Sendable, Hashable { case automatic, json, logfmt, combined }
  public enum Level: String, Sendable, Hashable, CaseIterable { case debug, info, warning, error }
  public var access = Target.stdout
  /// `automatic` (the default): logfmt on a terminal, else JSON.
  public var format = Format.automatic
  public var level = Level.info
  /// What access lines say of claims.
  public var claims = Claims.none

  /// Whether both go to the same place in the same way, whatever they say of claims.
  public func isWritten(as other: LogConfiguration) -> Bool {
    (access, format, level) == (other.access, other.format, other.level)
  }

  public enum Claims: Sendable, Hashable {
    case none
    /// Those that rules read, and these.
    case ofRules(and: [ClaimPath])
  }
}
