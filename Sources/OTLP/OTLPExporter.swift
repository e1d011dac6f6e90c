internal import Fetch
public import Sockets
public import Telemetry

/// Sends traces and metrics to a collector. Bound to the control loop; nobody waits for it but whoever ends the process.
public final class OTLPExporter {
  private let resource: OTLPResource
  private let loop: EventLoop
  private let report: (OTLPEvent) -> Void
  private var fetcher: Fetcher?
  /// For the next endpoint.
  private var prepared: Fetcher?
  private var endpoint: OTLPEndpoint?
  private var spans = SpanQueue()
  private var metrics: [[UInt8]] = []
  /// Whether a part of these was sent.
  private var metricsBegan = false
  /// What came of the spans.
  public private(set) var counts = SpanCounts()
  private var saidLost: UInt64 = 0
  private var saidLostAt: MonotonicTime?
  private var flushed: (() -> Void)?
  private var channels: (traces: OTLPChannel, metrics: OTLPChannel)?

  private static let lossSaidEvery: Duration = .seconds(60)

  /// - Parameters:
  ///   - instance: Another one for each process.
  ///   - report: Told of what operators want to know.
  public init(version: String, instance: String, loop: EventLoop, report: @escaping (OTLPEvent) -> Void) {
    resource = OTLPResource(version: version, instance: instance)
    self.loop = loop
    self.report = report
  }

  /// Makes ready what is needed to send anything. Before each `take` of an endpoint: connections of the one before were
  /// verified with what its files said.
  public func prepare() throws(OTLPError) {
    do throws(FetchError) {
      prepared = try Fetcher(loop: loop)
    } catch {
      throw .fetch("\(error)")
    }
  }

  /// Sends to `endpoint` from now on; nil: nowhere, and what waits is given up.
  public func take(_ endpoint: OTLPEndpoint?) {
    self.endpoint = endpoint
    if let prepared {
      fetcher = prepared
      self.prepared = nil
      if channels == nil { begin { [unowned self] in fetch($0, $1) } }
    }
    channels?.traces.take(endpoint)
    channels?.metrics.take(endpoint)
    if endpoint == nil {
      counts.dropped &+= UInt64(spans.removeAll())
      metrics = []
    }
    advance()
  }

  private func fetch(_ request: FetchRequest, _ completion: @escaping (Result<FetchResponse, FetchError>) -> Void) {
    guard let fetcher else { return }
    fetcher.fetch(request) { [loop] result in
      completion(result)
      // Another one may be in its place by now; it lasts as long as what it has begun, and this call of it.
      loop.schedule(after: .zero) { withExtendedLifetime(fetcher) {} }
    }
  }

  /// - Parameter fetch: In the place of libcurl.
  func begin(_ fetch: @escaping OTLPChannel.Fetch) {
    let traces = OTLPChannel(
      .traces, loop: loop, fetch: fetch,
      next: { [unowned self] in
        let batch = spans.takeBatch()
        guard !batch.isEmpty else { return nil }
        return OTLPChannel.Batch(
          content: OTLPTraces.request(batch, resource), count: batch.reduce(0) { $0 + $1.spans })
      }, ended: { [unowned self] in count($0, $1) }, report: report)
    let metrics = OTLPChannel(
      .metrics, loop: loop, fetch: fetch,
      next: { [unowned self] in
        guard !self.metrics.isEmpty else { return nil }
        metricsBegan = true
        return OTLPChannel.Batch(content: self.metrics.removeFirst(), count: 0)
      }, ended: { [unowned self] _, _ in tellWhenFlushed() }, report: report)
    channels = (traces, metrics)
  }

  /// - Parameter dropped: How many there was no room for before.
  public func add(_ pieces: [SpanBuffer.Piece], dropped: Int) {
    var lost = dropped
    if endpoint == nil { lost += pieces.reduce(0) { $0 + $1.spans } } else { lost += spans.add(pieces) }
    counts.dropped &+= UInt64(clamping: lost)
    sayLost()
    channels?.traces.advance()
  }

  /// Sends metrics: what counters say now is in the place of what they said before, unless a part of that was sent:
  /// the rest would never be, where the collector is slow.
  ///
  /// - Parameter metrics: Gives the contents of requests.
  public func add(metrics: (OTLPResource) -> [[UInt8]]) {
    guard endpoint != nil, self.metrics.isEmpty || !metricsBegan else { return }
    metricsBegan = false
    self.metrics = metrics(resource)
    channels?.metrics.advance()
  }

  /// Sends what waits, also what waits to be sent again, and gives up the rest.
  ///
  /// - Parameter completion: Called once, at once or on the loop.
  public func flush(within most: Duration, completion: @escaping () -> Void) {
    flushed = completion
    channels?.traces.hurry()
    channels?.metrics.hurry()
    advance()
    tellWhenFlushed()
    loop.schedule(after: most) { [self] in
      guard let flushed else { return }
      self.flushed = nil
      let abandoned = channels?.traces.abandon()?.count ?? 0
      _ = channels?.metrics.abandon()
      counts.dropped &+= UInt64(clamping: abandoned + spans.removeAll())
      saidLostAt = nil
      sayLost()
      fetcher?.stop()
      flushed()
    }
  }

  private func advance() {
    channels?.traces.advance()
    channels?.metrics.advance()
  }

  private func count(_ batch: OTLPChannel.Batch, _ outcome: OTLPChannel.Outcome) {
    switch outcome {
    case .exported(let rejected):
      counts.exported &+= UInt64(clamping: batch.count - rejected)
      counts.rejected &+= UInt64(clamping: rejected)
    case .rejected: counts.rejected &+= UInt64(clamping: batch.count)
    }
    sayLost()
    tellWhenFlushed()
  }

  private func tellWhenFlushed() {
    guard let flushed, spans.isEmpty, metrics.isEmpty, channels?.traces.isIdle ?? true,
      channels?.metrics.isIdle ?? true
    else { return }
    self.flushed = nil
    flushed()
  }

  private func sayLost() {
    let lost = counts.dropped &+ counts.rejected
    guard lost > saidLost, saidLostAt.map({ loop.now >= $0 + OTLPExporter.lossSaidEvery }) ?? true else { return }
    report(.lost(spans: lost - saidLost))
    saidLost = lost
    saidLostAt = loop.now
  }
}
