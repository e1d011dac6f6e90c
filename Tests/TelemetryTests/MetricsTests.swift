import Reason
import Testing

import enum Access.Trier

@testable import Telemetry

@Suite("Metrics")
struct MetricsTests {
  @Test("A histogram counts up to each bound, the bound with it")
  func histogram() {
    var histogram = Histogram()
    for microseconds in [0, 500, 501, 10_000_000, 10_000_001, .max] as [Int64] { histogram.add(microseconds) }
    #expect((0...14).map { histogram.count(of: $0) } == [2, 1] + [UInt64](repeating: 0, count: 11) + [1, 2])
    histogram.add(histogram)
    #expect(histogram.count(of: 14) == 4 && histogram.count(of: 15) == 0)
    histogram.add(-5)
    #expect(histogram.count(of: 0) == 5)
  }

  @Test("Names and values are one line each, whatever stands in them")
  func escaping() {
    var text = PrometheusText()
    text.begin("a_total", .counter, "What it is.")
    text.sample(MetricLabels(("route", "a\"b\\c\nd"), ("code", "")), UInt64.max)
    text.sample(0.5)
    #expect(
      String(decoding: text.bytes, as: UTF8.self) == """
        # HELP a_total What it is.
        # TYPE a_total counter
        a_total{route="a\\"b\\\\c\\nd",code=""} 18446744073709551615
        a_total 0.5

        """)
  }

  @Test("Samples that differ in one label are what each would be alone")
  func samplesOfOneLabel() {
    func sum(_ microseconds: Int64) -> String {
      var (text, histogram) = (PrometheusText(), Histogram())
      histogram.add(microseconds)
      text.begin("h", .histogram, "H.")
      text.sample(.none, histogram)
      let line = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("h_sum ") }
      return String(line?.dropFirst(6) ?? "")
    }
    for labels in [MetricLabels.none, MetricLabels(("route", "a\"b"))] {
      var (together, alone) = (PrometheusText(), PrometheusText())
      together.begin("a_total", .counter, "A.")
      together.samples(labels, by: "code", ["2xx", "\\\n"]) { UInt64($0 + 9) }
      alone.begin("a_total", .counter, "A.")
      for (index, value) in ["2xx", "\\\n"].enumerated() {
        alone.sample(MetricLabels(pairs: labels.pairs + [("code", value)]), UInt64(index + 9))
      }
      #expect(together.bytes == alone.bytes)
    }
    let sums: [(Int64, String)] = [
      (0, "0.0"), (1, "0.000001"), (99, "0.000099"), (500_000, "0.5"), (1_000_000, "1.0"), (1_000_010, "1.00001"),
    ]
    for (microseconds, text) in sums { #expect(sum(microseconds) == text) }
  }

  @Test("A histogram's buckets hold those below them, and the last one all")
  func buckets() {
    var (text, histogram) = (PrometheusText(), Histogram())
    for microseconds in [400, 600, 20_000_000] as [Int64] { histogram.add(microseconds) }
    text.begin("h", .histogram, "H.")
    text.sample(MetricLabels(("route", "a")), histogram)
    let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n").dropFirst(2)
    #expect(lines.first == "h_bucket{route=\"a\",le=\"0.0005\"} 1")
    #expect(lines.dropFirst().first == "h_bucket{route=\"a\",le=\"0.001\"} 2")
    #expect(
      lines.suffix(3) == [
        "h_bucket{route=\"a\",le=\"+Inf\"} 3", "h_sum{route=\"a\"} 20.001", "h_count{route=\"a\"} 3",
      ])
    #expect(lines.count == 17)
  }

  private func measure(route: Int, status: Int, reason: Reason? = nil, upstream: Int? = nil) -> ExchangeMeasure {
    ExchangeMeasure(
      route: route, upstream: upstream, status: status, reason: reason, cache: .hit, totalMicroseconds: 7,
      firstByteMicroseconds: nil, retries: 1, bytesIn: 10, bytesOut: 20)
  }

  @Test("What loops have counted adds up, whichever has seen more routes")
  func adding() {
    var (one, other) = (TrafficCounts(), TrafficCounts())
    one.count(measure(route: 3, status: 200, upstream: 2))
    one.count(measure(route: 0, status: 404, reason: .noRoute))
    other.count(measure(route: 1, status: 0, reason: .clientClosed))
    other.count(measure(route: 0, status: 999, reason: .noRoute))
    for (first, second) in [(one, other), (other, one)] {
      var sum = first
      sum.add(second)
      #expect(sum.routes.map(\.total) == [2, 1, 0, 1])
      #expect(sum.routes[3].count(ofStatuses: 2) == 1 && sum.routes[1].count(ofStatuses: 0) == 1)
      #expect(sum.routes[0].count(ofStatuses: 4) == 1 && sum.routes[0].count(ofStatuses: 0) == 1)
      #expect(sum.upstreams.map(\.total) == [0, 0, 1] && sum.retries == 1)
      #expect(sum.refusals[TrafficCounts.Refused(route: 0, reason: .noRoute)] == 2)
      #expect(sum.cacheHits == 4 && sum.bytesIn == 40 && sum.bytesOut == 80)
    }
  }

  @Test("What a provider tries and what a route tries is counted apart, on one route and for one reason too")
  func triers() {
    var counts = TrafficCounts()
    for trier in [.route, .provider, .provider, nil] as [Trier?] {
      var refused = measure(route: 1, status: 401, reason: .claimMissing)
      refused.provider = 2
      refused.refusingTrier = trier
      counts.count(refused)
    }
    let ofRoute = TrafficCounts.Refused(route: 1, reason: .claimMissing)
    let ofProvider = TrafficCounts.Refused(route: 1, reason: .claimMissing, provider: 2)
    #expect(counts.refusedByTried == [ofRoute: 1, ofProvider: 2] && counts.refusals == [ofProvider: 4])
  }

  @Test("A name keeps its number, and there is an end of them")
  func names() {
    let names = MetricNames()
    #expect(names.number(ofRoute: "a") == 1 && names.number(ofUpstream: "b") == 1 && names.number(ofRoute: "b") == 2)
    #expect(names.number(ofRoute: "a") == 1 && names.routes == ["", "a", "b"])
    for index in 0..<20_000 { _ = names.number(ofRoute: "r\(index)") }
    #expect(names.routes.count == 20_000 && names.number(ofRoute: "one more") == 0 && names.number(ofRoute: "b") == 2)
  }

  @Test("The last refusals are remembered, so many of each kind, and none takes the room of another")
  func refusals() {
    var refusals = RecentRefusals()
    func keep(_ text: String, _ kind: RecentRefusals.Kind) {
      refusals.keep(RememberedRefusal(line: Array(text.utf8)), of: kind)
    }
    func texts(_ kind: RecentRefusals.Kind) -> [String] {
      refusals.parts.filter { $0.kind == kind }.flatMap(\.latestFirst).map { String(decoding: $0.line, as: UTF8.self) }
    }
    keep("role", .policy)
    for index in 0..<RecentRefusals.countMax + 10 {
      keep("\(index)", .unknownClient)
      if index == 2 { #expect(texts(.unknownClient) == ["2", "1", "0"]) }
    }
    let latest = texts(.unknownClient)
    #expect(latest.count == RecentRefusals.countMax)
    #expect(latest.first == "\(RecentRefusals.countMax + 9)" && latest.last == "10")
    #expect(texts(.policy) == ["role"] && texts(.client).isEmpty)
    #expect(refusals.parts.filter(\.isFull).map(\.kind) == [.unknownClient])
  }

  @Test("Whose doing a refusal is, is its kind", arguments: Reason.allCases)
  func kinds(reason: Reason) {
    let known = RecentRefusals.Kind(reason, isVerified: true)
    #expect(known.rawValue == reason.blame.rawValue)
    let unknown = RecentRefusals.Kind(reason, isVerified: false)
    #expect(unknown == known || unknown == .unknownClient && [.client, .policy].contains(known))
  }

  @Test(
    "What anybody can bring about takes no room of those who are known",
    arguments: [
      Reason.noRoute, .clientRefused, .originRefused, .csrfRefused, .credentialMissing, .signatureInvalid, .keyUnknown,
      .issuerUnknown, .tokenMalformed, .tokenInactive, .rateLimited, .pathDotSegment,
    ])
  func strangers(reason: Reason) {
    #expect(RecentRefusals.Kind(reason, isVerified: false) == .unknownClient)
  }

  @Test(
    "Of a token that its issuer has made it is known whose it was", arguments: [Reason.tokenExpired, .proofMissing])
  func genuine(reason: Reason) {
    #expect(RecentRefusals.Kind(reason, isVerified: false) == .client)
  }
}
