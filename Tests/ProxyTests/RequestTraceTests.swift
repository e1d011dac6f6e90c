import HTTP
import Sockets
import Telemetry
import Testing

@testable import Proxy

@Suite("Traces")
struct RequestTraceTests {
  private static func gateway(traces: Int, peer: String = "10.0.0.2") throws -> DecidingGateway {
    let gateway = try DecidingGateway(
      routes: "  - { path: /a, auth: none, upstream: echo }\n",
      top: "trusted_proxies: [10.0.0.0/8]\notlp: { url: \"https://collector\", traces: \(traces)% }")
    gateway.peer = Peer(AddressText(peer), port: 1)
    return gateway
  }

  private static func facts(_ gateway: DecidingGateway) -> TraceFacts? {
    var record = AccessRecord()
    gateway.exchange.fill(&record, at: gateway.context.now)
    return record.trace
  }

  private static func digits(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
  }

  private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

  @Test("One that a trusted proxy began goes on, as it says", arguments: ["00", "01", "02", "03"])
  func followed(flags: String) throws {
    let gateway = try Self.gateway(traces: 1)
    let head = try gateway.forwarded("GET /a", "traceparent: \(Self.parent)\(flags)", "tracestate: a=1")
    let facts = Self.facts(gateway)
    #expect(head.values("tracestate") == ["a=1"])
    guard flags == "01" || flags == "03" else {
      #expect(facts == nil && head.values("traceparent") == [Self.parent + flags])
      return
    }
    let known = try #require(facts)
    #expect(known.traceHigh == 0x0af7_6519_16cd_43dd && known.traceLow == 0x8448_eb21_1c80_319c)
    #expect(known.parent == 0xb7ad_6b71_6920_3331 && known.routePath == "/a")
    #expect(known.span != 0 && known.upstreamSpan != 0 && known.span != known.upstreamSpan)
    #expect(
      head.values("traceparent")
        == ["\(Self.parent.prefix(36))\(Self.digits(known.upstreamSpan))-\(flags)"])
  }

  @Test("One of anybody else is not: another begins, which has the request's id")
  func begun() throws {
    for (peer, parent) in [("192.0.2.1", Self.parent + "01"), ("10.0.0.2", Self.parent + "0x")] {
      let gateway = try Self.gateway(traces: 100, peer: peer)
      let head = try gateway.forwarded("GET /a", "traceparent: \(parent)", "tracestate: a=1")
      let facts = try #require(Self.facts(gateway))
      #expect(facts.parent == 0 && head.values("tracestate").isEmpty)
      #expect(
        head.values("traceparent")
          == ["00-\(gateway.exchange.requestID.text)-\(Self.digits(facts.upstreamSpan))-01"])
    }
  }

  @Test("Upstreams are told what is exported, of requests that were refused too")
  func told() throws {
    let gateway = try Self.gateway(traces: 50)
    var sampled = 0
    for _ in 0..<400 {
      let head = try gateway.forwarded("GET /a")
      let isExported = Self.facts(gateway) != nil
      sampled += isExported ? 1 : 0
      #expect(head.values("traceparent").first?.hasSuffix(isExported ? "-01" : "-00") == true)
    }
    #expect((100...300).contains(sampled))
    let all = try Self.gateway(traces: 100)
    _ = try all.decide("GET /a/../b")
    #expect(Self.facts(all) != nil)
  }

  @Test("Which traces are exported their ids say, the same everywhere", arguments: [1, 10, 50, 99, 100])
  func sampling(percentage: Int) {
    let sampling = TraceSampling(percentage: percentage)
    let threshold = (UInt64(1) << 56) / 100 * UInt64(100 - percentage)
    #expect(sampling.isSampled(traceLow: threshold) && sampling.isSampled(traceLow: .max))
    #expect(sampling.isSampled(traceLow: 0xAB << 56 | threshold))
    if threshold > 0 { #expect(!sampling.isSampled(traceLow: threshold - 1) && !sampling.isSampled(traceLow: 0)) }
  }

  @Test("No more traces are followed than a loop can bear")
  func bound() {
    var followed = FollowedTraces()
    let now = MonotonicTime(nanoseconds: 5_000_000_000)
    var answers: [Bool] = []
    for _ in 0..<FollowedTraces.most { answers.append(followed.mayFollow(at: now)) }
    answers.append(followed.mayFollow(at: now + .milliseconds(999)))
    answers.append(followed.mayFollow(at: now + .seconds(1)))
    #expect(answers == [Bool](repeating: true, count: FollowedTraces.most) + [false, true])
  }
}
