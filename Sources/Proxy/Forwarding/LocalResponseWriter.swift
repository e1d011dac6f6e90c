import HTTP
import Reason
import Sockets

/// A response of the gateway's own, written into a block.
struct LocalResponseWriter {
  /// The request's: its response has no body where it is HEAD.
  let method: Method
  let connection: RefusalResponse.ConnectionFate
  let version: HTTPVersion
  let requestID: RequestID
  /// What Date says.
  let date: [UInt8]
  /// Field lines that the route's responses have, each with its CRLF.
  var ownFields: [UInt8] = []

  // MARK: A refusal

  /// The response to a refused request: a problem document, or a small page for a browser (RFC 9457).
  func write(_ refusal: RefusalResponse, as format: ProblemBody.Format, to writer: inout HeadWriter) {
    let status = refusal.status
    let title = StatusText.reasonPhrase(status)
    beginHead(status, &writer)
    writer.write(
      format == .html
        ? """
        Content-Type: text/html; charset=utf-8\r
        Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r

        """ : "Content-Type: application/problem+json\r\n")
    writer.write("Cache-Control: no-store\r\n")
    if let challenge = refusal.challenge {
      writer.write("WWW-Authenticate: ")
      writer.write(challenge.span)
      writer.write("\r\n")
    }
    if let seconds = refusal.retryAfterSeconds {
      writer.write("Retry-After: ")
      writer.write(decimal: UInt64(clamping: seconds))
      writer.write("\r\n")
    }
    if let exceeded = refusal.exceeded {
      writer.write(exceeded.policy.span)
      writer.write(decimal: UInt64(clamping: exceeded.seconds))
      writer.write("\r\n")
    }
    // A 405 names what is allowed (RFC 9110 §15.5.6); CONNECT and TRACE are refused everywhere.
    if status == 405 { writer.write("Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n") }
    switch format {
    case .html:
      let page = ProblemBody.html(status: status, title: title.description, requestID: requestID.text)
      endHead(contentLength: page.count, &writer)
      if method != .head { writer.write(page.span) }
    case .json:
      endHead(contentLength: problemBytes(title: title), &writer)
      if method != .head { writeProblem(status, title, &writer) }
    }
  }

  /// Bytes that the response to `refusal` takes at most.
  static func bytesMax(_ refusal: RefusalResponse) -> Int {
    2048 + (refusal.challenge?.count ?? 0) + (refusal.exceeded?.policy.count ?? 0)
  }

  private static var problemStart: StaticString { "{\"title\":\"" }
  private static var problemStatus: StaticString { "\",\"status\":" }
  private static var problemRequestID: StaticString { ",\"request_id\":\"" }
  private static var problemEnd: StaticString { "\"}\n" }

  /// The problem document. What it holds is the gateway's own text and needs no escaping.
  private func writeProblem(_ status: Int, _ title: StaticString, _ writer: inout HeadWriter) {
    writer.write(LocalResponseWriter.problemStart)
    writer.write(title)
    writer.write(LocalResponseWriter.problemStatus)
    writer.write(decimal: UInt64(status))
    writer.write(LocalResponseWriter.problemRequestID)
    writer.write(requestID)
    writer.write(LocalResponseWriter.problemEnd)
  }

  /// Statuses have three digits.
  private func problemBytes(title: StaticString) -> Int {
    LocalResponseWriter.problemStart.utf8CodeUnitCount + title.utf8CodeUnitCount
      + LocalResponseWriter.problemStatus.utf8CodeUnitCount + 3 + LocalResponseWriter.problemRequestID.utf8CodeUnitCount
      + requestID.count + LocalResponseWriter.problemEnd.utf8CodeUnitCount
  }

  // MARK: A Responder's response

  func write(_ response: LocalResponse, to writer: inout HeadWriter) {
    beginHead(response.status, &writer)
    for field in response.fields {
      writer.write([UInt8](field.name.utf8).span)
      writer.write(": ")
      writer.write([UInt8](field.value.utf8).span)
      writer.write("\r\n")
    }
    endHead(contentLength: response.status == 204 ? nil : response.body.count, &writer)
    if method != .head { writer.write(response.body.span) }
  }

  /// Bytes that the response takes at most.
  static func bytesMax(_ response: LocalResponse) -> Int {
    response.fields.reduce(1024 + response.body.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
  }

  // MARK: Of both

  private func beginHead(_ status: Int, _ writer: inout HeadWriter) {
    writer.write("HTTP/1.1 ")
    writer.write(decimal: UInt64(status))
    writer.write(UInt8(ascii: " "))
    writer.write(StatusText.reasonPhrase(status))
    writer.write("\r\nDate: ")
    writer.write(date.span)
    writer.write("\r\n")
  }

  private func endHead(contentLength: Int?, _ writer: inout HeadWriter) {
    writer.write(ownFields.span)
    writer.write("X-Request-Id: ")
    writer.write(requestID)
    if let contentLength {
      writer.write("\r\nContent-Length: ")
      writer.write(decimal: UInt64(contentLength))
    }
    switch connection {
    case .closed: writer.write("\r\nConnection: close")
    case .kept: if version == .http10 { writer.write("\r\nConnection: keep-alive") }
    }
    writer.write("\r\n\r\n")
  }
}
