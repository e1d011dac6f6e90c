import HTTP
import JSON
import Reason
import Sockets
import Testing

@testable import Telemetry

@Suite("Spans")
struct SpanTests {
  private static func text(_ records: [AccessRecord]) -> String {
    var buffer = SpanBuffer()
    for record in records { buffer.add(record) }
    let request = OTLPTraces.request(buffer.take().pieces, OTLPResource(version: "1", instance: "i"))
    return String(decoding: request, as: UTF8.self)
  }

  /// The spans, each as its members, with its attributes among them.
  private static func spans(_ records: [AccessRecord]) throws -> [[String: String]] {
    let document = try JSONDocument(Array(text(records).utf8).span)
    let value = document.value(document.root)
    let scope = value.object?["resourceSpans"]?.array?.first?.object?["scopeSpans"]?.array?.first
    return try #require(scope?.object?["spans"]?.array).map { span in
      var members: [String: String] = [:]
      for member in try #require(span.object).members {
        switch member.value {
        case .string(let text): members[member.name] = text
        case .integer(let number): members[member.name] = "\(number)"
        case .object(let object): members[member.name] = object["code"].map { "\($0)" }
        case .array(let attributes):
          for attribute in attributes {
            let name = try #require(attribute.object?["key"]?.string)
            let value = attribute.object?["value"]?.object
            #expect(members[name] == nil, "an attribute that stands twice")
            members[name] = value?["stringValue"]?.string ?? value?["intValue"]?.string
          }
        default: break
        }
      }
      return members
    }
  }

  @Test("A request is a span of the server, and one of the client below it; who it was stands in neither")
  func whole() throws {
    let spans = try Self.spans([AccessLogTests.full])
    #expect(
      spans[0] == [
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00000000000000b7", "parentSpanId": "00000000000000b9",
        "name": "GET /a/*", "kind": "2", "startTimeUnixNano": "1700000000000001000",
        "endTimeUnixNano": "1700000000000042000", "http.request.method": "GET", "url.scheme": "https",
        "url.path": "/a b", "http.route": "/a/*", "server.address": "a.example", "network.protocol.version": "1.1",
        "client.address": "192.0.2.1", "http.response.status_code": "403", "error.type": "role_missing",
        "portcullis.reason": "role_missing", "portcullis.blame": "policy", "portcullis.shadow": "scope_missing",
        "portcullis.route": "orders", "portcullis.provider": "company",
        "portcullis.request_id": "000000000000000100000000000000ab",
      ])
    #expect(
      spans[1] == [
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00000000000000ba", "parentSpanId": "00000000000000b7",
        "name": "GET", "kind": "3", "startTimeUnixNano": "1700000000000006000",
        "endTimeUnixNano": "1700000000000042000", "http.request.method": "GET", "portcullis.upstream": "backend",
        "http.request.resend_count": "1", "http.response.status_code": "404", "error.type": "404",
        "status": "integer(2)",
      ])
    #expect(spans.count == 2)
  }

  @Test("Each span says what its own side is at fault for")
  func blame() throws {
    func statuses(_ reason: Reason, _ status: Int, upstream: Int?) throws -> [String?] {
      var record = AccessLogTests.full
      record.reason = reason
      record.status = status
      record.trace?.upstreamStatus = upstream
      let spans = try Self.spans([record])
      return [spans[0]["status"], spans[1]["status"], spans[1]["error.type"], spans[1]["http.response.status_code"]]
    }
    let error = "integer(2)"
    #expect(try statuses(.clientClosed, 200, upstream: 200) == [nil, nil, nil, "200"])
    #expect(try statuses(.upstreamTruncated, 200, upstream: 200) == [error, error, "upstream_truncated", "200"])
    #expect(try statuses(.upstreamTruncated, 502, upstream: nil) == [error, error, "upstream_truncated", nil])
  }

  @Test("Of a head that could not be read, and of whatever bytes, there is a span")
  func odd() throws {
    var empty = AccessRecord()
    empty.status = 400
    empty.reason = .requestLineInvalid
    empty.trace = TraceFacts(traceHigh: 0, traceLow: 1, span: 1, parent: 0, upstreamSpan: 2)
    var odd = AccessLogTests.full
    odd.trace?.forwardedMicroseconds = nil
    odd.text = Array("g\"\u{1}é\\[::1]:8080/\u{FF}".utf8) + [0xFF]
    odd.method = ByteRange(0, 6)
    odd.host = ByteRange(6, 16)
    odd.path = ByteRange(16, odd.text.count)
    odd.status = 503
    odd.reason = nil
    odd.requestIDGiven = Array("abc".utf8)
    let spans = try Self.spans([empty, odd])
    #expect(spans.count == 2)
    #expect(spans[0]["name"] == "HTTP" && spans[0]["parentSpanId"] == nil)
    #expect(spans[0]["http.request.method"] == "_OTHER")
    #expect(spans[1]["name"] == "HTTP /a/*" && spans[1]["http.request.method"] == "_OTHER")
    #expect(spans[1]["http.request.method_original"] == "g\"\u{1}é\\")
    #expect(spans[1]["server.address"] == "::1" && spans[1]["server.port"] == "8080")
    #expect(spans[1]["url.path"] == "/ÿ\u{FFFD}" && spans[1]["status"] == "integer(2)")
    #expect(spans[1]["error.type"] == "503" && spans[1]["portcullis.request_id"] == "abc")
  }

  @Test("Without a trace there are none, and too many are counted")
  func bound() {
    var buffer = SpanBuffer()
    buffer.add(AccessRecord())
    let none = buffer.take().pieces
    #expect(none.isEmpty)
    let record = AccessLogTests.full
    let fits = SpanBuffer.piecesMax * SpanBuffer.pieceSpansMax / 2
    for _ in 0..<fits + 3 { buffer.add(record) }
    let taken = buffer.take()
    #expect(taken.pieces.count == SpanBuffer.piecesMax && taken.dropped > 0)
    #expect(taken.pieces.reduce(0) { $0 + $1.spans } + taken.dropped == 2 * (fits + 3))
    #expect(taken.pieces.allSatisfy { $0.spans <= SpanBuffer.pieceSpansMax })
    let again = buffer.take()
    #expect(again.pieces.isEmpty && again.dropped == 0)
  }

  @Test("The access line names the trace that it is part of")
  func line() throws {
    let lines = AccessLogRing.lines(of: AccessLogTests.full)
    #expect(String(decoding: lines[0], as: UTF8.self).contains("\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\""))
    #expect(lines.contains { String(decoding: $0, as: UTF8.self).hasPrefix("{\"traceId\":") })
  }
}
