/// Where requests go.
public struct UpstreamConfiguration: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case servers([ServerAddress])
    case echo
    /// Always the same answer.
    case fixed(StaticAnswer)
  }
  public var name: String
  public var kind: Kind
  public var connectTimeout: Duration
  /// To the first byte of the answer, and between two pieces of it.
  public var responseTimeout: Duration
  /// How long an idle connection is kept.
  public var idleTimeout: Duration
  /// Further attempts after a failure that is safe to retry, 0 to 10.
  public var retries: Int
}

/// A server of an upstream.
public enum ServerAddress: Sendable, Hashable {
  case ipv4(String, port: UInt16)
  case ipv6(String, port: UInt16)
  case unix(String)
}
