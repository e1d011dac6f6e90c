public import Reason
public import Sockets

/// What becomes of the servers of an upstream, said when it changes; of a server that comes and goes, once a minute, with
/// how many `times` it went since that was last said.
public enum UpstreamEvent: Sendable {
  /// Names stand for other addresses than before, or for the first ones.
  case serversChanged([String])
  /// A name cannot be resolved; `keeps`: the addresses that it had stay in use.
  case nameUnresolved(String, NameLookupError, keeps: Bool)
  /// A name can be resolved again.
  case nameResolved(String)
  /// TLS to a server failed, so often since it was last said. Why is OpenSSL's word, in snake case, or one of a few more.
  case tlsFailed(String, why: String, count: Int)
  /// A server is passed over: too many requests in a row failed on it.
  case ejected(String, Reason, times: Int)
  /// The only server of its upstream: too many requests in a row failed on it. It is asked all the same.
  case failing(String, Reason, times: Int)
  /// A server that was passed over, or the only one after it failed, has answered.
  case recovered(String)
  /// Health checks say that a server is down.
  case down(String, HealthFault, times: Int)
  /// Health checks say that it is up again.
  case isUp(String)
}
