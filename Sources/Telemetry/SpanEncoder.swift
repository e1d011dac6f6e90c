import HTTP
import Reason
import Sockets

/// Writes the spans of an exchange as OTLP has them in JSON, by the semantic conventions for HTTP
/// (opentelemetry.io/docs/specs/semconv/http/http-spans): one of the server, and one of the client that the gateway is
/// to its upstream.
///
/// What they say is what the access line says, but for who it was: no subject, no claims.
enum SpanEncoder {
  /// How many there are.
  static func spans(of record: borrowing AccessRecord, _ trace: TraceFacts) -> Int {
    isForwarded(record, trace) ? 2 : 1
  }

  private static func isForwarded(_ record: borrowing AccessRecord, _ trace: TraceFacts) -> Bool {
    record.upstream != nil && trace.forwardedMicroseconds != nil
  }

  static func append(_ record: borrowing AccessRecord, _ trace: TraceFacts, to text: inout [UInt8]) {
    server(record, trace, to: &text)
    guard isForwarded(record, trace), let forwarded = trace.forwardedMicroseconds else { return }
    text.append(UInt8(ascii: ","))
    client(record, trace, forwarded, to: &text)
  }

  private static func server(_ record: borrowing AccessRecord, _ trace: TraceFacts, to text: inout [UInt8]) {
    begin(record, trace, span: trace.span, parent: trace.parent, kind: 2, from: 0, route: trace.routePath, to: &text)
    var attributes = OTLPAttributes()
    method(record, &attributes, to: &text)
    let bytes = record.text.span
    attributes.add("url.scheme", trace.isSecured ? "https" : "http", to: &text)
    if !record.path.isEmpty { attributes.add("url.path", bytes.extracting(record.path.bounds), to: &text) }
    if let route = trace.routePath { attributes.add("http.route", route, to: &text) }
    if !record.host.isEmpty {
      let (host, port) = authority(bytes.extracting(record.host.bounds))
      attributes.add("server.address", bytes.extracting(record.host.bounds).extracting(host), to: &text)
      if let port { attributes.add("server.port", port, to: &text) }
    }
    attributes.add("network.protocol.version", trace.isHTTP10 ? "1.0" : "1.1", to: &text)
    if record.client.count > 0 {
      record.client.withBytes { attributes.add("client.address", $0, to: &text) }
    }
    if record.status > 0 { attributes.add("http.response.status_code", record.status, to: &text) }
    if let reason = record.reason {
      attributes.add("error.type", reason.rawValue, to: &text)
      attributes.add("portcullis.reason", reason.rawValue, to: &text)
      attributes.add("portcullis.blame", reason.blame.rawValue, to: &text)
    } else if record.status >= 500 {
      attributes.add("error.type", String(record.status), to: &text)
    }
    if let unenforced = record.unenforced { attributes.add("portcullis.shadow", unenforced.rawValue, to: &text) }
    if let route = record.route { attributes.add("portcullis.route", route, to: &text) }
    if let provider = record.provider { attributes.add("portcullis.provider", provider, to: &text) }
    if let given = record.requestIDGiven {
      attributes.add("portcullis.request_id", given.span, to: &text)
    } else {
      var id: [UInt8] = []
      OTLPText.hexadecimal(record.requestIDHigh, to: &id)
      OTLPText.hexadecimal(record.requestIDLow, to: &id)
      attributes.add("portcullis.request_id", id.span, to: &text)
    }
    // What a client is at fault for is no error of the server's (semantic conventions, "Status"); a response that was
    // cut is one, whatever status it began with.
    end(isError: record.status >= 500 || (record.status < 400 && isOfServers(record.reason)), to: &text)
  }

  private static func client(
    _ record: borrowing AccessRecord, _ trace: TraceFacts, _ forwarded: Int64, to text: inout [UInt8]
  ) {
    begin(
      record, trace, span: trace.upstreamSpan, parent: trace.span, kind: 3, from: forwarded, route: nil, to: &text)
    var attributes = OTLPAttributes()
    method(record, &attributes, to: &text)
    if let upstream = record.upstream { attributes.add("portcullis.upstream", upstream, to: &text) }
    if record.retries > 0 { attributes.add("http.request.resend_count", record.retries, to: &text) }
    var isError = false
    if let status = trace.upstreamStatus {
      attributes.add("http.response.status_code", status, to: &text)
      isError = status >= 400
    }
    if let reason = record.reason, reason.blame == .upstream {
      attributes.add("error.type", reason.rawValue, to: &text)
      isError = true
    } else if isError, let status = trace.upstreamStatus {
      attributes.add("error.type", String(status), to: &text)
    }
    end(isError: isError, to: &text)
  }

  private static func isOfServers(_ reason: Reason?) -> Bool {
    switch reason?.blame {
    case .upstream, .gateway: true
    case .client, .issuer, .policy, nil: false
    }
  }

  // MARK: Pieces

  private static func begin(
    _ record: borrowing AccessRecord, _ trace: TraceFacts, span: UInt64, parent: UInt64, kind: Int, from: Int64,
    route: String?, to text: inout [UInt8]
  ) {
    text += "{\"traceId\":\"".utf8
    OTLPText.hexadecimal(trace.traceHigh, to: &text)
    OTLPText.hexadecimal(trace.traceLow, to: &text)
    text += "\",\"spanId\":\"".utf8
    OTLPText.hexadecimal(span, to: &text)
    if parent != 0 {
      text += "\",\"parentSpanId\":\"".utf8
      OTLPText.hexadecimal(parent, to: &text)
    }
    text += "\",\"name\":".utf8
    let method = knownMethod(record) ?? "HTTP"
    OTLPText.quoted(route.map { "\(method) \($0)" } ?? method, to: &text)
    text += ",\"kind\":\(kind),\"startTimeUnixNano\":\"".utf8
    text.append(decimal: UInt64(clamping: moment(record, from)))
    text += "\",\"endTimeUnixNano\":\"".utf8
    text.append(decimal: UInt64(clamping: moment(record, max(from, record.totalMicroseconds))))
    text += "\",\"attributes\":[".utf8
  }

  private static func moment(_ record: borrowing AccessRecord, _ microseconds: Int64) -> Int64 {
    record.startedAtNanoseconds + microseconds * 1000
  }

  private static func end(isError: Bool, to text: inout [UInt8]) {
    text += (isError ? "],\"status\":{\"code\":2}}" : "]}").utf8
  }

  /// Names of spans and of methods are few, whatever clients send.
  private static func method(
    _ record: borrowing AccessRecord, _ attributes: inout OTLPAttributes, to text: inout [UInt8]
  ) {
    guard !record.method.isEmpty else { return attributes.add("http.request.method", "_OTHER", to: &text) }
    if let known = knownMethod(record) { return attributes.add("http.request.method", known, to: &text) }
    attributes.add("http.request.method", "_OTHER", to: &text)
    attributes.add(
      "http.request.method_original", record.text.span.extracting(record.method.bounds), to: &text)
  }

  private static func knownMethod(_ record: borrowing AccessRecord) -> String? {
    let written = record.text.span.extracting(record.method.bounds)
    for method in methods where method.utf8.count == written.count {
      if Bytes.areEqual(Array(method.utf8).span, written) { return method }
    }
    return nil
  }

  private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

  /// Where the host stands, without brackets, and the port.
  private static func authority(_ text: Span<UInt8>) -> (host: Range<Int>, port: Int?) {
    var end = text.count
    var port = 0
    var factor = 1
    while end > 0, text.count - end < 5, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[end - 1]) {
      end -= 1
      port += Int(text[end] - UInt8(ascii: "0")) * factor
      factor *= 10
    }
    guard end > 0, text[end - 1] == UInt8(ascii: ":"), end < text.count else { return (host(text, text.count), nil) }
    return (host(text, end - 1), port)
  }

  private static func host(_ text: Span<UInt8>, _ end: Int) -> Range<Int> {
    guard end > 2, text[0] == UInt8(ascii: "["), text[end - 1] == UInt8(ascii: "]") else { return 0..<end }
    return 1..<end - 1
  }
}
