import Sockets

/// The TLS handshakes that have failed on one loop: the first is reported at once, what follows in sums, as whoever
/// looks for open ports on the internet makes many.
final class FailedHandshakes {
  private var counts: [String: Int] = [:]
  private var isPausing = false
  private let loop: EventLoop
  private let report: @Sendable (ProxyEvent) -> Void

  init(loop: EventLoop, report: @escaping @Sendable (ProxyEvent) -> Void) {
    self.loop = loop
    self.report = report
  }

  /// - Parameter reason: One of a few.
  func count(_ reason: String) {
    counts[reason, default: 0] += 1
    if !isPausing { say() }
  }

  private func say() {
    isPausing = !counts.isEmpty
    guard isPausing else { return }
    for (reason, count) in counts.sorted(by: { $0.key < $1.key }) {
      report(.handshakesFailed(reason: reason, count: count))
    }
    counts.removeAll()
    loop.schedule(after: Limits.failedHandshakesEvery) { [self] in say() }
  }
}
