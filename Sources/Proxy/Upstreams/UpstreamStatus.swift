import Synchronization

/// How an upstream is, for operators.
public struct UpstreamStatus: Sendable {
  public let name: String
  /// Those that it has now: a name may stand for several, or none.
  public let servers: [Server]

  public struct Server: Sendable {
    public let name: String
    public let health: Health
  }

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
