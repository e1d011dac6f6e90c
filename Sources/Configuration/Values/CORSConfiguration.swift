/// Which pages of other origins may use a route (Fetch §3.2, CORS).
public struct CORSConfiguration: Sendable, Hashable {
  /// The origins of the pages.
  public var origins: Origins
  /// Methods that a preflight allows: those of the key, or of the route, or else the usual six.
  public var methods: [String]
  /// Request headers that a preflight allows, besides those that need no permission.
  public var headers: [String]
  /// Whether pages may send cookies along and read the response all the same; never with any origin.
  public var credentials: Bool
  /// How long a browser may remember a preflight's response, in whole seconds; nil: as long as it likes.
  public var maxAge: Duration?

  /// Which origins pages may have.
  public enum Origins: Sendable, Hashable {
    /// Every origin: `*`.
    case any
    /// `https://app.example.com`, as browsers send it.
    case listed([String])
  }
}
