/// How long the gateway waits for clients, and for itself to stop.
public struct TimeoutsConfiguration: Sendable, Hashable {
  /// From a connection to the end of its TLS handshake.
  public var handshake = Duration.seconds(10)
  /// From the first byte of a head to its last.
  public var head = Duration.seconds(10)
  /// Between two requests of a connection, and between two reads or writes of a body.
  public var idle = Duration.seconds(75)
  /// How long a client may be slower than `LimitsConfiguration.minimumRate`.
  public var grace = Duration.seconds(10)
  /// Between two pieces of a tunnel's bytes, in either direction.
  public var tunnel = Duration.seconds(3600)
  /// How long SIGTERM waits for exchanges under way.
  public var drain = Duration.seconds(30)
  /// How long listeners stay open after SIGTERM.
  public var drainDelay = Duration.zero
}
