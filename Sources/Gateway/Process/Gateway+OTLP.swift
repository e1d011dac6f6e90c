import Admin
import Configuration
import Logging
import OTLP
import Proxy
import Sockets
import Telemetry

/// Traces and metrics for a collector.
extension Gateway {
  /// Sends what there is, now and again, where the configuration in force says so.
  func startExporting() {
    guard active.configuration.otlp != nil, exporting.begin() else { return }
    exportLater()
  }

  /// Another configuration is in force, on every loop.
  func takeExport(_ endpoint: OTLPEndpoint?) {
    exporter.take(endpoint)
    // Of the configuration before, too: nobody would ask for them any more.
    exportSpans()
    startExporting()
  }

  private func exportLater() {
    control.schedule(after: Gateway.exportedEvery) { [self] in
      guard let otlp = active.configuration.otlp, !shutdown.exchangesHaveEnded else {
        exporting.end()
        return
      }
      if otlp.tracesPercentage != nil { exportSpans() }
      if let interval = otlp.metricsInterval, exporting.metricsAreDue(every: interval, at: control.now) {
        exportMetrics {}
      }
      exportLater()
    }
  }

  private func exportSpans() {
    server.collectSpans { [bound] taken in
      guard !taken.pieces.isEmpty || taken.dropped > 0 else { return }
      bound.async { $0.exporter.add(taken.pieces, dropped: taken.dropped) }
    }
  }

  private func exportMetrics(_ completion: @escaping @Sendable () -> Void) {
    report(.included) { [bound] report in
      bound.async {
        $0.exporter.add(metrics: { report.metrics($0) })
        completion()
      }
    }
  }

  /// Sends what is left, for a short time.
  func exportRest(_ completion: @escaping @Sendable (Gateway) -> Void) {
    guard let otlp = active.configuration.otlp else { return completion(self) }
    exporting.awaitLoops(server.workerCount)
    server.collectSpans { [bound] taken in
      bound.async { gateway in
        gateway.exporter.add(taken.pieces, dropped: taken.dropped)
        guard gateway.exporting.loopAnswered() else { return }
        let flush = { @Sendable (gateway: Gateway) in
          gateway.exporter.flush(within: Gateway.exportFlushMax) { completion(gateway) }
        }
        guard otlp.metricsInterval != nil else { return flush(gateway) }
        gateway.exportMetrics { bound.async(flush) }
      }
    }
  }

  private static let exportedEvery: Duration = .seconds(1)
  private static let exportFlushMax: Duration = .seconds(2)

  /// A random UUID (RFC 9562 §5.4).
  static func makeInstanceID() -> String {
    func digits(_ value: UInt64, _ count: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    let (high, low) = (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max))
    return [
      digits(high >> 32, 8), digits(high >> 16 & 0xFFFF, 4), digits(0x4000 | high & 0xFFF, 4),
      digits(0x8000 | low >> 48 & 0x3FFF, 4), digits(low & 0xFFFF_FFFF_FFFF, 12),
    ].joined(separator: "-")
  }
}

extension OTLPEndpoint {
  /// nil where `configuration` has none.
  static func of(_ configuration: GatewayConfiguration) throws(OTLPError) -> OTLPEndpoint? {
    guard let otlp = configuration.otlp else { return nil }
    return try OTLPEndpoint(
      url: otlp.url, headersFile: otlp.headersFile, certificateAuthorityFile: otlp.certificateAuthorityFile)
  }
}

extension OTLPEvent {
  func write(to log: Logger) {
    switch self {
    case .failed(let signal, let url, let why):
      log.warning(
        "the collector does not accept \(signal)",
        metadata: ["url": "\(url)", "why": "\(why)"])
    case .partlyRejected(let signal, let count, let why):
      log.warning(
        "the collector does not accept all \(signal)", metadata: ["rejected": "\(count)", "why": "\(why)"])
    case .recovered(let signal): log.notice("the collector accepts \(signal) again")
    case .lost(let spans):
      log.warning(
        "spans were lost: the collector did not accept them in time, or not at all", metadata: ["spans": "\(spans)"])
    }
  }
}
