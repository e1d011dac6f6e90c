/// One fault of `gateway.conf`: where it stands, what is wrong, and what to write instead.
///
/// A message quotes what the file says, not what an environment variable put in its place: that may be a secret. Only
/// paths that could not be opened are said as they were tried.
public struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
  /// The file as the operator named it.
  public let file: String
  /// nil where the file as a whole is meant.
  public let position: Position?
  /// What is wrong, without the place, on one line unless it shows findings of a test.
  public let message: String
  /// Whether it may be over the next time although nobody has changed anything, as a disk that failed.
  public var mayPass = false

  /// `gateway.conf:14:9: unknown key "isuer"; did you mean "issuer"?`
  public var description: String {
    guard let position else { return "\(file): \(message)" }
    return "\(file):\(position.line):\(position.column): \(message)"
  }
}
