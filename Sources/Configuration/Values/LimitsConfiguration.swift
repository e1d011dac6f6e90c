/// Bounds on what a client may send (SECURITY D-2, D-4).
public struct LimitsConfiguration: Sendable, Hashable {
  /// Bytes of a request head, 1 KiB to 32 KiB.
  public var headBytesMax = 16 << 10
  /// Field lines of a head, 1 to 1000.
  public var fieldsMax = 100
  /// Bytes of a request target, at most `headBytesMax`.
  public var targetBytesMax = 8 << 10
  /// Bytes of a token, at most `headBytesMax`.
  public var tokenBytesMax = 8 << 10
  /// Bytes of a request body; nil: no limit. A route may say otherwise.
  public var bodyBytesMax: UInt64?
  /// Bytes in a second that a client has to send of a body, and to take of a response, while it is waited for; nil: no
  /// limit. A route may say otherwise.
  public var minimumRate: Int? = 240
  /// Client connections, over all loops together.
  public var connectionsMax = 50_000
  /// Requests that one connection carries; nil: no limit.
  public var requestsPerConnectionMax: Int?
  /// Of one address, over all loops together; nil: no limit.
  public var connectionsPerAddressMax: Int?
}
