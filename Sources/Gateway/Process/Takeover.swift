import Keys
import Proxy
import Sockets

/// What a process does that another one hands over to: it waits until it has what that one has, as to answer 503 where
/// that does not would be no gain. On the control loop.
final class Takeover {
  private let predecessor: Predecessor
  private var waiting: (lacking: () -> [String], timer: LoopTimer, completion: () -> Void)?

  /// How long it waits; its issuers and the servers of names may be down. Sooner over than the other's patience.
  private static let most: Duration = .seconds(25)

  init(_ predecessor: Predecessor) { self.predecessor = predecessor }

  /// - Parameters:
  ///   - lacking: What this process lacks, at the moment.
  ///   - complete: Called once, when it lacks nothing but what the earlier process lacks.
  ///   - failed: Called instead, with what is missing, when that took too long.
  func whenComplete(
    on loop: EventLoop, lacking: @escaping () -> [String], complete: @escaping () -> Void,
    failed: @escaping (_ missing: [String]) -> Void
  ) {
    let timer = loop.schedule(after: Takeover.most) { [unowned self] in
      waiting = nil
      failed(missing(of: lacking()))
    }
    waiting = (lacking, timer, complete)
    check()
  }

  /// Keys or addresses have come.
  func check() {
    guard let waiting, missing(of: waiting.lacking()).isEmpty else { return }
    self.waiting = nil
    waiting.timer.cancel()
    waiting.completion()
  }

  func sayReady() { predecessor.readiness.say() }

  private func missing(of lacking: [String]) -> [String] { lacking.filter { !predecessor.lacking.contains($0) } }
}

extension Gateway {
  /// Without which requests are answered 503.
  var lacking: [String] {
    upstreams.withoutServers.map { "addresses of upstream \($0)" }
      + keyStore.withoutKeys.map { "keys of provider \($0)" }
  }
}
