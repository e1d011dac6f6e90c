public import Tokens

/// Where the access log goes and how it is written, and how much the program says of itself.
public struct LogConfiguration: Sendable, Hashable {
  /// Where access lines are written: to standard output, to standard error, nowhere, or to a file by its path.
  public enum Target: Sendable, Hashable {
    case stdout, stderr, off
    case file(String)
  }
  /// How access lines are written. `combined` is the Combined Log Format of Apache and nginx.
  public enum Format: Sendable, Hashable { case automatic, json, logfmt, combined }
  /// The severities of program messages, least severe first.
  public enum Level: String, Sendable, Hashable, CaseIterable { case debug, info, warning, error }
  /// Where access lines go.
  public var access = Target.stdout
  /// How access lines are written. `automatic` is logfmt on a terminal, and JSON elsewhere.
  public var format = Format.automatic
  /// The least severe program messages that are written.
  public var level = Level.info
  /// Which claims access lines have.
  public var claims = Claims.none

  /// Whether both write to the same place in the same way; `claims` may differ.
  public func isWritten(as other: LogConfiguration) -> Bool {
    (access, format, level) == (other.access, other.format, other.level)
  }

  /// Which claims of verified tokens access lines have.
  public enum Claims: Sendable, Hashable {
    case none
    /// Those that `require` of any route reads, and these besides.
    case ofRules(and: [ClaimPath])
  }
}
