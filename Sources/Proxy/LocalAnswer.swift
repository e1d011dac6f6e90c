import HTTP
import Reason
import Sockets

/// An answer of the gateway's own as bytes.
enum LocalAnswer {
  /// - Returns: The whole answer; without the body where `method` is HEAD.
  static func bytes(
    _ response: LocalResponse, answering method: Method, connection: Refusal.ConnectionFate, version: HTTPVersion,
    requestID: RequestID, date: [UInt8]
  ) -> [UInt8] {
    var text = "HTTP/1.1 \(response.status) \(StatusText.reasonPhrase(response.status))\r\n"
    text += "Date: \(String(decoding: date, as: UTF8.self))\r\n"
    for field in response.fields { text += "\(field.name): \(field.value)\r\n" }
    text += "X-Request-Id: \(requestID.text)\r\n"
    if response.status != 204 { text += "Content-Length: \(response.body.count)\r\n" }
    switch connection {
    case .closed: text += "Connection: close\r\n"
    case .kept: if version == .http10 { text += "Connection: keep-alive\r\n" }
    }
    text += "\r\n"
    var bytes = [UInt8](text.utf8)
    if method != .head { bytes += response.body }
    return bytes
  }

  /// The answer to a refused request: a problem document, or a small page for a browser (RFC 9457).
  static func response(to refusal: Refusal, requestID: RequestID, prefersHTML: Bool) -> LocalResponse {
    let status = refusal.reason.status
    var fields: [(name: String, value: String)] = []
    let body: [UInt8]
    let title = "\(StatusText.reasonPhrase(status))"
    if prefersHTML {
      fields.append(("Content-Type", "text/html; charset=utf-8"))
      fields.append(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"))
      body = ProblemBody.html(status: status, title: title, requestID: requestID.text)
    } else {
      fields.append(("Content-Type", "application/problem+json"))
      body = ProblemBody.json(status: status, title: title, requestID: requestID.text)
    }
    fields.append(("Cache-Control", "no-store"))
    if let challenge = refusal.challenge { fields.append(("WWW-Authenticate", challenge)) }
    if let seconds = refusal.retryAfterSeconds { fields.append(("Retry-After", "\(seconds)")) }
    // A 405 names what is allowed (RFC 9110 §15.5.6); CONNECT and TRACE are refused everywhere.
    if status == 405 { fields.append(("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH")) }
    return LocalResponse(status: status, fields: fields, body: body)
  }
}
