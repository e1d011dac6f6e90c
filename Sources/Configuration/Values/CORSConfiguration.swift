/// Which pages of other origins may use a route (Fetch §3.2, CORS).
public struct CORSConfiguration: Sendable, Hashable {
  public var origins: Origins
  /// Methods that a preflight allows.
  public var methods: [String]
  /// Request headers that a preflight allows beside those that need none.
  public var headers: [String]
  /// Whether the browser sends cookies, and shows the response all the same; never with any origin.
  public var credentials: Bool
  /// How long a browser may remember a preflight's response, in whole seconds; nil: as long as it likes.
  public var maxAge: Duration?

  public enum Origins: Sendable, Hashable {
    case any
    /// `https://app.example.com`, as browsers send it.
    case listed([String])
  }
}
