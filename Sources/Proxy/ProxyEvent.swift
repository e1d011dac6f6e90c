public import Sockets

/// What an operator should hear of, beside the access log.
public enum ProxyEvent: Sendable {
  /// Accepting pauses: the process or the machine has no descriptor or no memory left.
  case acceptingPaused(SystemError)
  /// Accepting pauses: `limits.connections` are open.
  case connectionLimitReached(Int)
  /// Accepting goes on.
  case acceptingResumed
}
