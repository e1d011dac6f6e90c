/// The sign-in that a session comes from.
public struct SessionOrigin: Sendable {
  /// When the browser was sent to the provider, in seconds since 1970.
  public let beganAt: Int64
  /// When the provider authenticated the user, in seconds since 1970 by its own clock; nil: it does not say.
  public let authenticatedAt: Int64?

  /// A sign-in that began then.
  public init(beganAt: Int64, authenticatedAt: Int64?) {
    self.beganAt = beganAt
    self.authenticatedAt = authenticatedAt
  }
}
