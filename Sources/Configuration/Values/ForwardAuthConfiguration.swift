/// Where proxies in front ask whether a request may pass, and which may.
public struct ForwardAuthConfiguration: Sendable, Equatable {
  /// The canonical path.
  public var path: String
  /// Who may ask; what they say of the client is believed.
  public var peers: TrustedProxies
  /// Where they stand in the file.
  public var position: Position
}
