import Access
import Logging
import Proxy

extension ProxyEvent {
  func write(to log: Logger) {
    switch self {
    case .acceptingPaused(let error, let times):
      log.error(
        "accepting pauses: no descriptors or memory left", metadata: ["error": "\(error)"].with(times: times))
    case .connectionLimitReached(let most, let times):
      log.warning(
        "accepting pauses: limits.connections are open", metadata: ["connections": "\(most)"].with(times: times))
    case .connectionRoomTaken(let most, let times):
      log.warning(
        "accepting pauses: the limit of open files has room for no more connections",
        metadata: ["connections": "\(most)"].with(times: times))
    case .addressLimitReached(let most, let closed, let last):
      log.warning(
        "connections were closed: their address has limits.connections_per_address open",
        metadata: ["connections": "\(most)", "closed": "\(closed)", "last_of": "\(last)"])
    case .acceptingResumed:
      log.notice("accepting goes on")
    case .enforcementStopped(let trier, let name, let refused, let requests):
      let (what, key) =
        switch trier {
        case .route: ("a route", "route")
        case .provider: ("a provider", "provider")
        }
      log.error(
        "what \(what) tries is no longer enforced: it refused more than its budget",
        metadata: [key: "\(name)", "refused": "\(refused)", "requests": "\(requests)"])
    case .proofMemoryFull(let refused):
      log.error(
        "DPoP proofs are refused with 503: there is no room to remember more",
        metadata: ["refused": "\(refused)"])
    case .failed(let why, let requests):
      log.error(
        "requests are answered 500: internal error", metadata: ["why": "\(why)", "requests": "\(requests)"])
    case .upstream(let name, let event): event.write(to: log, upstream: name)
    case .handshakesFailed(let reason, let count):
      log.info("TLS handshakes failed", metadata: ["why": "\(reason)", "handshakes": "\(count)"])
    }
  }
}
