/// The signed token that tells a route's upstream who it is.
public struct AssertionConfiguration: Sendable, Hashable {
  /// The name of the header that carries it.
  public var header: String
  /// Whom it is for: its `aud`.
  public var audience: String
  /// From `iat` to `exp`.
  public var lifetimeSeconds: Int64
  /// An index into `GatewayConfiguration.providers`: whose key signs, with ES256 or EdDSA.
  public var provider: Int
}
