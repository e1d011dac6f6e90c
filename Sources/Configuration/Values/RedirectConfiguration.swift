/// Where a route sends its requests instead of to an upstream.
public struct RedirectConfiguration: Sendable, Hashable {
  /// What Location says, or begins with: an http or https URL, or a path. Nothing of it comes from a request.
  public var target: String
  public var path: Path
  /// 301, 302, 307 or 308 (RFC 9110 §15.4).
  public var status: Int

  /// What becomes of the request's path and query.
  public enum Path: Sendable, Hashable {
    case dropped
    case appended
  }
}
