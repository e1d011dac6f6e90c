import Logging
import Proxy
import Reason

/// What becomes of servers, as program messages.
extension UpstreamEvent {
  func write(to log: Logger, upstream: String) {
    var metadata: Logger.Metadata = ["upstream": "\(upstream)"]
    switch self {
    case .serversChanged(let servers):
      metadata["servers"] = "\(servers.joined(separator: " "))"
      log.notice("names of servers were resolved to other addresses", metadata: metadata)
    case .nameUnresolved(let name, let error, let keeps):
      metadata["name"] = "\(name)"
      metadata["why"] = "\(error)"
      let effect = keeps ? "the addresses found before stay in use" : "it has no address yet"
      log.warning("the name of a server cannot be resolved; \(effect)", metadata: metadata)
    case .nameResolved(let name):
      metadata["name"] = "\(name)"
      log.notice("the name of a server can be resolved again", metadata: metadata)
    case .tlsFailed(let server, let why, let count):
      metadata["server"] = "\(server)"
      metadata["why"] = "\(why)"
      metadata["connections"] = "\(count)"
      log.warning("TLS to a server failed", metadata: metadata)
    case .ejected(let server, let reason, let times):
      metadata["server"] = "\(server)"
      metadata["reason"] = "\(reason.rawValue)"
      log.warning(
        "a server is passed over: requests failed on it, three in a row", metadata: metadata.with(times: times))
    case .failing(let server, let reason, let times):
      metadata["server"] = "\(server)"
      metadata["reason"] = "\(reason.rawValue)"
      log.warning(
        "the only server of an upstream fails: requests failed on it, three in a row",
        metadata: metadata.with(times: times))
    case .recovered(let server):
      metadata["server"] = "\(server)"
      log.notice("a server on which requests failed answers again", metadata: metadata)
    case .down(let server, let fault, let times):
      metadata["server"] = "\(server)"
      metadata["why"] = "\(fault)"
      log.warning("a server is down according to its health checks", metadata: metadata.with(times: times))
    case .isUp(let server):
      metadata["server"] = "\(server)"
      log.notice("a server is up again according to its health checks", metadata: metadata)
    }
  }
}
