import Access
import JSON
import Proxy
import Reason
import Sockets
import Telemetry
import Testing

@testable import Admin

@Suite("Metrics in both formats")
struct MetricsTests {
  /// Each sample as `/metrics` has it: `name{label="value"}` and its value.
  private static func samples(ofOTLP request: [UInt8]) throws -> [String: Double] {
    let document = try JSONDocument(request.span)
    let scope = document.value(document.root).object?["resourceMetrics"]?.array?.first?.object?["scopeMetrics"]
    var samples: [String: Double] = [:]
    for metric in try #require(scope?.array?.first?.object?["metrics"]?.array) {
      let name = try #require(metric.object?["name"]?.string)
      let kind = ["sum", "gauge", "histogram"].compactMap { metric.object?[$0]?.object }.first
      for point in try #require(kind?["dataPoints"]?.array) {
        let labels = try #require(point.object?["attributes"]?.array).compactMap { pair -> String? in
          guard let key = pair.object?["key"]?.string, let value = pair.object?["value"]?.object?["stringValue"]?.string
          else { return nil }
          return "\(key)=\"\(value)\""
        }
        func key(_ suffix: String, _ more: String? = nil) -> String {
          let all = labels + [more].compactMap(\.self)
          return name + suffix + (all.isEmpty ? "" : "{\(all.joined(separator: ","))}")
        }
        if let text = point.object?["asInt"]?.string { samples[key("")] = Double(text) }
        if case .number(let value) = point.object?["asDouble"] { samples[key("")] = value }
        guard let counts = point.object?["bucketCounts"]?.array else { continue }
        var sum = 0.0
        let bounds = try #require(point.object?["explicitBounds"]?.array).map { bound -> String in
          if case .number(let value) = bound { "\(value)" } else { "?" }
        }
        for (count, bound) in zip(counts, bounds + ["+Inf"]) {
          sum += try #require(count.string.flatMap(Double.init))
          samples[key("_bucket", "le=\"\(bound)\"")] = sum
        }
        if case .number(let value) = point.object?["sum"] { samples[key("_sum")] = value }
        samples[key("_count")] = point.object?["count"]?.string.flatMap(Double.init)
      }
    }
    return samples
  }

  @Test("A collector gets the names and the values of /metrics")
  func same() throws {
    var report = AdminReport()
    report.version = "1.2.3"
    report.startedAtSeconds = 1_700_000_000.5
    report.nowSeconds = 1_700_000_100
    report.routeNames = ["", "orders"]
    report.upstreamNames = ["", "app"]
    report.exportedSpans.dropped = 3
    report.providers = [.init(name: "company", issuer: "i", keys: 2, fetchedAtSeconds: 1_700_000_001, failures: 0)]
    report.tried = [TriedRoute(name: "orders", enforcement: .share(percentage: 10), isStopped: true)]
    report.process = .current
    for (route, status, reason) in [(0, 404, Reason.noRoute), (1, 200, nil), (1, 403, .roleMissing)] {
      report.counts.count(
        ExchangeMeasure(
          route: route, upstream: route, status: status, reason: reason, cache: .hit, totalMicroseconds: 1500,
          firstByteMicroseconds: 700, retries: 1, bytesIn: 10, bytesOut: 20))
    }
    var expected: [String: Double] = [:]
    for line in String(decoding: report.metrics(), as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
      let space = try #require(line.lastIndex(of: " "))
      expected[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    let requests = report.metrics(OTLPResource(version: "1.2.3", instance: "i"))
    #expect(requests.count == 1 && expected.count > 80)
    #expect(try Self.samples(ofOTLP: requests[0]) == expected)
  }
}
