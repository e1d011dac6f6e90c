import JSON
import Testing

@testable import Telemetry

@Suite("Metrics for a collector")
struct OTLPMetricsTests {
  private func writer() -> OTLPMetrics {
    OTLPMetrics(OTLPResource(version: "1", instance: "i"), since: 5, now: 9)
  }

  private func families(_ request: [UInt8]) throws -> [JSONValue] {
    let document = try JSONDocument(request.span, depthMax: 16)
    let scope = document.value(document.root).object?["resourceMetrics"]?.array?.first?.object?["scopeMetrics"]
    return try #require(scope?.array?.first?.object?["metrics"]?.array)
  }

  @Test("A counter is a monotonic sum, a gauge a gauge, a histogram has counts of its own buckets")
  func kinds() throws {
    var text = writer()
    text.begin("none_total", .counter, "Nothing is counted.")
    text.begin("a_total", .counter, "What it \"is\".")
    text.sample(MetricLabels(("route", "a\"b")), UInt64.max)
    text.sample(UInt64(7))
    text.begin("g", .gauge, "G.")
    text.sample(0.5)
    var histogram = Histogram()
    for microseconds in [400, 600, 20_000_000] as [Int64] { histogram.add(microseconds) }
    text.begin("h", .histogram, "H.")
    text.sample(MetricLabels(("route", "a")), histogram)
    let requests = text.finish()
    #expect(requests.count == 1)
    let times = #""startTimeUnixNano":"5","timeUnixNano":"9","#
    let families = try families(requests[0]).map { String(decoding: $0.serialized(), as: UTF8.self) }
    #expect(
      families == [
        #"{"name":"a_total","description":"What it \"is\".","sum":{"dataPoints":["#
          + #"{"attributes":[{"key":"route","value":{"stringValue":"a\"b"}}],\#(times)"asInt":"18446744073709551615"},"#
          + #"{"attributes":[],\#(times)"asInt":"7"}],"aggregationTemporality":2,"isMonotonic":true}}"#,
        #"{"name":"g","description":"G.","gauge":{"dataPoints":[{"attributes":[],\#(times)"asDouble":0.5}]}}"#,
        #"{"name":"h","description":"H.","histogram":{"dataPoints":["#
          + #"{"attributes":[{"key":"route","value":{"stringValue":"a"}}],\#(times)"#
          + #""bucketCounts":["1","1","0","0","0","0","0","0","0","0","0","0","0","0","1"],"count":"3","sum":20.001,"#
          + #""explicitBounds":[0.0005,0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1.0,2.5,5.0,10.0]}],"#
          + #""aggregationTemporality":2}}"#,
      ])
  }

  @Test("What is more than a request holds goes on in another, in the same family")
  func parts() throws {
    var text = writer()
    text.begin("a_total", .counter, "A.")
    for index in 0..<6000 { text.sample(MetricLabels(("route", "/a/long/path/\(index)")), UInt64(index)) }
    let requests = text.finish()
    #expect(requests.count > 1)
    var points = 0
    for request in requests {
      let families = try families(request)
      #expect(families.count == 1 && families[0].object?["name"]?.string == "a_total")
      points += try #require(families[0].object?["sum"]?.object?["dataPoints"]?.array).count
      #expect(request.count < 600_000)
    }
    #expect(points == 6000)
    #expect(writer().finish().isEmpty)
  }
}
