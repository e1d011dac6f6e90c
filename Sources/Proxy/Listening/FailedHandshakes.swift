import Sockets

/// The TLS handshakes that have failed on one loop, with clients and with servers: the first of a kind is reported at once,
/// what follows in sums, as whoever looks for open ports on the internet makes many, and so does a server whose
/// certificate has expired.
final class FailedHandshakes {
  private struct Kind: Hashable {
    let reason: String
    /// nil: a client.
    let server: Server?
  }

  struct Server: Hashable {
    let upstream: String
    let name: String
  }

  /// Since each kind was last reported; what does not happen again is forgotten.
  private var counts: [Kind: Int] = [:]
  private let loop: EventLoop
  private let report: @Sendable (ProxyEvent) -> Void

  init(loop: EventLoop, report: @escaping @Sendable (ProxyEvent) -> Void) {
    self.loop = loop
    self.report = report
  }

  /// - Parameters:
  ///   - reason: One of a few.
  ///   - server: Of the handshake; nil: a client.
  func count(_ reason: String, of server: Server? = nil) {
    let kind = Kind(reason: reason, server: server)
    if let count = counts[kind] {
      counts[kind] = count + 1
      return
    }
    if counts.isEmpty { sayLater() }
    counts[kind] = 0
    say(kind, 1)
  }

  private func sayLater() {
    loop.schedule(after: Limits.failedHandshakesEvery) { [self] in
      counts = counts.filter { $0.value > 0 }
      guard !counts.isEmpty else { return }
      for (kind, count) in counts.sorted(by: { $0.key.reason < $1.key.reason }) { say(kind, count) }
      counts = counts.mapValues { _ in 0 }
      sayLater()
    }
  }

  private func say(_ kind: Kind, _ count: Int) {
    if let server = kind.server {
      report(.upstream(server.upstream, .tlsFailed(server.name, why: kind.reason, count: count)))
    } else {
      report(.handshakesFailed(reason: kind.reason, count: count))
    }
  }
}
