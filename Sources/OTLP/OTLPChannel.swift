internal import Fetch
internal import JSON
internal import Sockets

/// Sends one signal, one request at a time. What the collector cannot take now is sent again after a pause
/// (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP Response").
final class OTLPChannel {
  struct Batch {
    let content: [UInt8]
    /// How many spans, or others, it holds.
    let count: Int
  }

  enum Outcome {
    /// It was taken, but for so many.
    case exported(rejected: Int)
    case rejected
  }

  /// What the last failure was like, and when it was said.
  private struct Failing {
    let kind: String
    let saidAt: MonotonicTime
  }

  typealias Fetch = (FetchRequest, @escaping (Result<FetchResponse, FetchError>) -> Void) -> Void

  private let signal: OTLPSignal
  private let loop: EventLoop
  private let fetch: Fetch
  /// The next one; nil: there is none.
  private let next: () -> Batch?
  private let ended: (Batch, Outcome) -> Void
  private let report: (OTLPEvent) -> Void
  private var endpoint: OTLPEndpoint?
  private var current: Batch?
  /// nil: it does not pause.
  private var pause: LoopTimer?
  /// In a row, of whatever was sent.
  private var failures = 0
  /// Of the current one.
  private var attempts = 0
  /// nil: it goes well.
  private var failing: Failing?
  private var partSaidAt: MonotonicTime?

  /// So often one is sent at most: what somebody on the way dislikes must not hold up the rest for ever.
  static let attemptsMax = 8
  private static let saidEvery: Duration = .seconds(60)

  static let firstPause: Duration = .seconds(1)
  static let pauseMax: Duration = .seconds(30)
  /// However long the collector asks for.
  private static let retryAfterMax: Duration = .seconds(300)

  init(
    _ signal: OTLPSignal, loop: EventLoop, fetch: @escaping Fetch, next: @escaping () -> Batch?,
    ended: @escaping (Batch, Outcome) -> Void, report: @escaping (OTLPEvent) -> Void
  ) {
    self.signal = signal
    self.loop = loop
    self.fetch = fetch
    self.next = next
    self.ended = ended
    self.report = report
  }

  var isIdle: Bool { current == nil }

  /// Another collector may be up where the one before is down. Without one, what was to be sent is given up.
  func take(_ endpoint: OTLPEndpoint?) {
    self.endpoint = endpoint
    failures = 0
    failing = nil
    guard endpoint == nil else { return hurry() }
    pause?.cancel()
    // One that is under way ends by itself.
    if pause != nil, let current { give(current, .rejected) }
    pause = nil
  }

  /// Sends what there is, unless something is under way.
  func advance() {
    guard current == nil, endpoint != nil, let batch = next() else { return }
    current = batch
    send(batch)
  }

  /// Ends a pause.
  func hurry() {
    guard let pause, let current else { return }
    pause.cancel()
    self.pause = nil
    send(current)
  }

  /// What is under way, or waits to be sent again; it is not told of any more.
  func abandon() -> Batch? {
    pause?.cancel()
    pause = nil
    defer { current = nil }
    return current
  }

  private func send(_ batch: Batch) {
    guard let endpoint else { return give(batch, .rejected) }
    attempts += 1
    let url = endpoint.address(of: signal)
    fetch(endpoint.request(signal, batch.content)) { [weak self] result in self?.take(result, url) }
  }

  private func take(_ result: Result<FetchResponse, FetchError>, _ url: String) {
    guard let current else { return }
    switch result {
    case .success(let response) where (200...299).contains(response.status):
      failures = 0
      if failing != nil { report(.recovered(signal)) }
      failing = nil
      give(current, .exported(rejected: takePart(response.body, of: current)))
    case .success(let response):
      fail("it answers \(response.status)", url, kind: "\(response.status)")
      guard [429, 502, 503, 504].contains(response.status) else { return give(current, .rejected) }
      sendAgain(current, after: response.retryAfter)
    case .failure(let error):
      fail("\(error)", url, kind: "\(error)".filter { !$0.isNumber })
      switch error {
      // It has answered: sent again, what it took would be there twice.
      case .bodyTooLarge, .headTooLarge, .contentCoded: give(current, .rejected)
      case .addressRefused, .requestRefused: give(current, .rejected)
      case .timedOut, .certificateRefused, .failed, .stopped: sendAgain(current, after: nil)
      }
    }
  }

  /// Says the first failure, and another one that is of another kind, once in a while.
  private func fail(_ why: String, _ url: String, kind: String) {
    if let failing, failing.kind == kind || loop.now < failing.saidAt + OTLPChannel.saidEvery { return }
    report(.failed(signal, url: url, why: why))
    failing = Failing(kind: kind, saidAt: loop.now)
  }

  private func sendAgain(_ batch: Batch, after asked: Duration?) {
    failures += 1
    guard attempts < OTLPChannel.attemptsMax else { return give(batch, .rejected) }
    // Many gateways shall not come back at once.
    let own = OTLPChannel.pause(after: failures) * Double.random(in: 0.75...1)
    pause = loop.schedule(after: max(own, min(asked ?? .zero, OTLPChannel.retryAfterMax))) { [weak self] in
      guard let self, let current else { return }
      pause = nil
      send(current)
    }
  }

  static func pause(after failures: Int) -> Duration {
    min(firstPause * (1 << min(max(failures - 1, 0), 5)), pauseMax)
  }

  private func give(_ batch: Batch, _ outcome: Outcome) {
    current = nil
    attempts = 0
    ended(batch, outcome)
    advance()
  }

  /// How many the collector says that it did not take ("Partial Success").
  private func takePart(_ body: [UInt8], of batch: Batch) -> Int {
    guard !body.isEmpty, let document = try? JSONDocument(body.span),
      let partial = document.value(document.root).object?["partialSuccess"]?.object
    else { return 0 }
    let count: Int64 =
      switch partial[signal == .traces ? "rejectedSpans" : "rejectedDataPoints"] {
      case .string(let text): Int64(text) ?? 0
      case .integer(let number): number
      default: 0
      }
    guard count > 0 else { return 0 }
    if partSaidAt.map({ loop.now >= $0 + OTLPChannel.saidEvery }) ?? true {
      partSaidAt = loop.now
      report(
        .partlyRejected(signal, count: count, why: JSONValue.excerpt(partial["errorMessage"]?.string ?? "")))
    }
    return Int(min(count, Int64(batch.count)))
  }
}
