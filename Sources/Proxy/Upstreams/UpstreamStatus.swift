import Synchronization

/// How an upstream is, for operators.
public struct UpstreamStatus: Sendable {
  /// The upstream's name in the configuration.
  public let name: String
  /// Those that it has now: a name may stand for several, or none.
  public let servers: [Server]

  /// A server of an upstream, and how it is.
  public struct Server: Sendable {
    /// Its address, as logs name it: `127.0.0.1:80`, `[::1]:80`, `unix:/run/a.sock`, or `builtin`.
    public let name: String
    /// What its health checks say of it, and the requests that failed on it.
    public let health: Health
  }

  /// Whether a server is well.
  public enum Health: String, Sendable, CaseIterable {
    case up
    /// Its checks fail.
    case down
    /// Requests failed on it: others are asked while there are some. One that is alone is asked all the same.
    case ejected
  }
}

extension ServerState {
  var health: UpstreamStatus.Health {
    if isDown.load(ordering: .relaxed) { return .down }
    return ejection.isEjected ? .ejected : .up
  }
}
