/// Where a route sends its requests instead of to an upstream.
public struct RedirectConfiguration: Sendable, Hashable {
  /// What Location says, or begins with: an http or https URL, or a path. Nothing of it comes from a request.
  public var target: String
  /// Whether the request's path and query are part of Location.
  public var path: Path
  /// 301, 302, 307 or 308 (RFC 9110 §15.4).
  public var status: Int

  /// What becomes of the request's path and query.
  public enum Path: Sendable, Hashable {
    /// Location is `target`, whatever was requested.
    case dropped
    /// The request's path and query follow `target`.
    case appended
  }
}
