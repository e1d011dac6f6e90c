import Dispatch
import Fetch
import JSON
import Sockets
import Telemetry
import TestSupport
import Testing

@testable import OTLP

/// A collector without a network: requests are kept until the test answers them.
private final class Collector {
  private(set) var sent: [(request: FetchRequest, answer: (Result<FetchResponse, FetchError>) -> Void)] = []
  private(set) var events: [OTLPEvent] = []
  private(set) var isFlushed = false
  let loop: EventLoop
  private var exporterHeld: OTLPExporter?

  init(_ loop: EventLoop) throws {
    self.loop = loop
    let exporter = OTLPExporter(version: "1.2.3", instance: "i", loop: loop) { [unowned self] in events.append($0) }
    exporterHeld = exporter
    exporter.begin { [unowned self] request, completion in sent.append((request, completion)) }
    exporter.take(try OTLPEndpoint(url: "https://c:4318", headersFile: nil, certificateAuthorityFile: nil))
  }

  var exporter: OTLPExporter { get throws { try #require(exporterHeld) } }

  func add(_ spans: Int) throws { try exporter.add([SpanBuffer.Piece(Array("{}".utf8), spans: spans)], dropped: 0) }

  func answer(_ status: Int, _ body: String = "{}", retryAfter: Duration? = nil) {
    sent.removeFirst().answer(
      .success(FetchResponse(status: status, body: Array(body.utf8), retryAfter: retryAfter)))
  }

  func fail(_ error: FetchError) { sent.removeFirst().answer(.failure(error)) }

  func flush() throws { try exporter.flush(within: .seconds(60)) { [unowned self] in isFlushed = true } }

  func counts() throws -> [UInt64] {
    let counts = try exporter.counts
    return [counts.exported, counts.rejected, counts.dropped]
  }
}

@Suite("Exporting")
struct OTLPExporterTests {
  private static func with(_ body: (Collector) throws -> Void) throws {
    let loop = try EventLoop(label: "exporter")
    try loop.queue.sync { try body(try Collector(loop)) }
  }

  @Test("Spans go to /v1/traces, one request at a time, as one JSON text")
  func request() throws {
    try Self.with { collector in
      try collector.add(1)
      try collector.add(2)
      try collector.add(4)
      #expect(collector.sent.count == 1)
      let request = collector.sent[0].request
      #expect(request.url == "https://c:4318/v1/traces")
      guard case .post(let type, let content) = request.method else { throw FetchError.stopped }
      #expect(type == "application/json")
      #expect(
        String(decoding: content, as: UTF8.self)
          == #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"portcullis"}},"#
          + #"{"key":"service.version","value":{"stringValue":"1.2.3"}},"#
          + #"{"key":"service.instance.id","value":{"stringValue":"i"}}]},"#
          + #""scopeSpans":[{"scope":{"name":"portcullis","version":"1.2.3"},"spans":[{}]}]}]}"#)
      collector.answer(200)
      #expect(collector.sent.count == 1, "the others go together")
      collector.answer(200, #"{"partialSuccess":{"rejectedSpans":"5","errorMessage":"no"}}"#)
      #expect(try collector.counts() == [2, 5, 0])
      #expect(collector.events == [.partlyRejected(.traces, count: 5, why: "no"), .lost(spans: 5)])
    }
  }

  @Test(
    "What cannot be taken now is sent again after a pause; that it fails is said once",
    arguments: [429, 502, 503, 504, 0])
  func retries(status: Int) throws {
    try Self.with { collector in
      try collector.add(3)
      if status == 0 { collector.fail(.failed("refused")) } else { collector.answer(status) }
      #expect(collector.sent.isEmpty, "it pauses")
      try collector.add(1)
      #expect(collector.sent.isEmpty)
      try collector.flush()
      collector.fail(.timedOut(.seconds(10)))
      try collector.flush()
      collector.answer(200)
      collector.answer(202)
      #expect(try collector.counts() == [4, 0, 0] && collector.isFlushed)
      #expect(
        collector.events == [
          .failed(
            .traces, url: "https://c:4318/v1/traces", why: status == 0 ? "refused" : "it answers \(status)"),
          .recovered(.traces),
        ])
    }
  }

  @Test("What will never be taken is given up", arguments: [400, 401, 404, 413, 500, 302])
  func rejections(status: Int) throws {
    try Self.with { collector in
      try collector.add(3)
      collector.answer(status)
      try collector.add(3)
      collector.answer(status)
      #expect(try collector.counts() == [0, 6, 0])
      #expect(
        collector.events == [
          .failed(.traces, url: "https://c:4318/v1/traces", why: "it answers \(status)"), .lost(spans: 3),
        ])
    }
  }

  @Test("What always fails does not hold up the rest for ever")
  func poison() throws {
    try Self.with { collector in
      try collector.add(1)
      for _ in 1..<OTLPChannel.attemptsMax {
        collector.fail(.failed("Empty reply from server"))
        #expect(collector.sent.isEmpty)
        try collector.add(1)
        try collector.flush()
      }
      collector.fail(.failed("Empty reply from server"))
      #expect(try collector.counts() == [0, 1, 0])
      collector.answer(200)
      #expect(try collector.counts() == [7, 1, 0])
    }
  }

  @Test("An answer that cannot be read is an answer", arguments: [FetchError.bodyTooLarge(bytesMax: 1), .contentCoded])
  func unreadable(error: FetchError) throws {
    try Self.with { collector in
      try collector.add(1)
      collector.fail(error)
      #expect(try collector.counts() == [0, 1, 0] && collector.sent.isEmpty)
    }
  }

  @Test("Pauses grow to half a minute")
  func pauses() {
    #expect((1...7).map(OTLPChannel.pause) == [1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
    #expect(OTLPChannel.pause(after: .max) == .seconds(30))
  }

  @Test("Metrics that were not sent make room for those of now, and wait for no spans")
  func metrics() throws {
    try Self.with { collector in
      try collector.add(1)
      for text in ["a", "b", "c"] { try collector.exporter.add { _ in [Array(text.utf8), [0x2C]] } }
      collector.answer(503)
      var contents: [String] = []
      while !collector.sent.isEmpty {
        #expect(collector.sent[0].request.url == "https://c:4318/v1/metrics")
        if case .post(_, let content) = collector.sent[0].request.method {
          contents.append(String(decoding: content, as: UTF8.self))
        }
        collector.answer(200)
      }
      #expect(contents == ["a", ","], "the rest of those that were begun is sent first")
      for text in ["d", "e"] { try collector.exporter.add { _ in [Array(text.utf8)] } }
      try collector.exporter.add { _ in [Array("f".utf8)] }
      collector.answer(200)
      guard case .post(_, let content) = collector.sent[0].request.method else { throw FetchError.stopped }
      #expect(content == Array("f".utf8), "of those that were not, the last")
    }
  }

  @Test("Without a collector nothing is kept; another one is tried at once")
  func reload() throws {
    try Self.with { collector in
      try collector.add(1)
      collector.answer(503)
      try collector.exporter.take(OTLPEndpoint(url: "https://d", headersFile: nil, certificateAuthorityFile: nil))
      #expect(collector.sent.map(\.request.url) == ["https://d/v1/traces"])
      collector.answer(503)
      try collector.exporter.take(nil)
      #expect(try collector.counts() == [0, 1, 0])
      try collector.add(2)
      #expect(try collector.counts() == [0, 1, 2] && collector.sent.isEmpty)
      try collector.flush()
      #expect(collector.isFlushed)
    }
  }

  @Test("A headers file has a field on each line, and is nobody else's")
  func headersFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/headers"
    func fields(_ text: String) throws -> [String] {
      try folder.write("headers", text)
      defer { try? folder.remove("headers") }
      let endpoint = try OTLPEndpoint(url: "https://c", headersFile: path, certificateAuthorityFile: nil)
      return endpoint.request(.metrics, []).fields.map { "\($0.name)=\($0.value)" }
    }
    #expect(
      try fields("# ours\n\nAuthorization: Bearer a=b \r\nx-scope-orgid:1")
        == ["Authorization=Bearer a=b", "x-scope-orgid=1"])
    for (text, line) in [
      ("Authorization", 1), ("a: b\n: c", 2), ("a:", 1), ("a b: c", 1), ("a: \u{1}", 1), ("Host: a", 1),
      ("content-type: text/plain", 1), ("é: a", 1),
    ] as [(String, Int)] {
      #expect(throws: OTLPError.line(path, line), "\(text)") { try fields(text) }
    }
    #expect(throws: OTLPError.self) {
      try OTLPEndpoint(url: "https://c", headersFile: path, certificateAuthorityFile: nil)
    }
  }
}
