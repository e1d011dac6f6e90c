/// A request of a route, which tricks write in their own ways.
struct ForgedRequest {
  /// Where its token stands.
  enum Credential {
    case none
    /// Behind `Authorization: `.
    case authorization(String)
    /// A pair of the Cookie line.
    case cookie(String)
    /// Among the protocols of a WebSocket handshake.
    case webSocketProtocol(String)
  }

  /// What asks for a WebSocket beside `Connection: Upgrade` (RFC 6455 §4.1).
  static let handshake = """
    Upgrade: websocket\r
    Sec-WebSocket-Version: 13\r
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r

    """

  private(set) var method: String
  /// Of the listener that it is sent to: `http` or `https`.
  let scheme: String
  let host: String
  /// In canonical form.
  let path: String
  private(set) var credential = Credential.none
  /// Where a proxy asks about the request that has received it and forwards it itself; nil: it is sent as it is.
  let askedAt: String?

  /// - Parameters:
  ///   - isSecure: Whether it is sent over TLS.
  ///   - path: In canonical form.
  ///   - askedAt: The path of `forward_auth`, where a proxy asks about it.
  init(method: String, isSecure: Bool, host: String, path: String, askedAt: String? = nil) {
    (self.method, self.host, self.path, self.askedAt) = (method, host, path, askedAt)
    scheme = isSecure ? "https" : "http"
  }

  mutating func send(_ credential: Credential) {
    self.credential = credential
    // RFC 6455 §4.1.
    if case .webSocketProtocol = credential { method = "GET" }
  }

  /// The request, with what is forged in it.
  ///
  /// - Parameters:
  ///   - options: Behind `Connection: `.
  ///   - cookies: Behind `Cookie: `, after the credential where that is one.
  func bytes(
    target: String? = nil, version: String = "HTTP/1.1", options: String = "close", _ fields: String = "",
    cookies: String? = nil, body: String = ""
  ) -> [UInt8] {
    Array(
      """
      \(requestLine(target ?? path, version))\r
      Host: \(host)\r
      \(questionLines(target ?? path))\(credentialLine(cookies))Connection: \(connectionOptions(options))\r
      \(fields)\r
      \(body)
      """.utf8)
  }

  /// With `field` in front of Host.
  func bytesBeginning(with field: String) -> [UInt8] {
    Array(
      """
      \(requestLine(path, "HTTP/1.1"))\r
      \(field)Host: \(host)\r
      \(questionLines(path))\(credentialLine(nil))Connection: \(connectionOptions("close"))\r
      \r

      """.utf8)
  }

  /// The same as text inside of another message.
  func hidden(_ fields: String) -> String { String(decoding: bytes(fields), as: UTF8.self) }

  private func requestLine(_ target: String, _ version: String) -> String {
    askedAt.map { "GET \($0) \(version)" } ?? "\(method) \(target) \(version)"
  }

  /// What a proxy says of the request that it asks about.
  private func questionLines(_ target: String) -> String {
    guard askedAt != nil else { return "" }
    return "X-Forwarded-Method: \(method)\r\nX-Forwarded-Host: \(host)\r\nX-Forwarded-Uri: \(target)\r\n"
  }

  private func connectionOptions(_ options: String) -> String {
    guard case .webSocketProtocol = credential, options != ForgedRequest.upgrade else { return options }
    return "\(options), \(ForgedRequest.upgrade)"
  }

  static let upgrade = "Upgrade"

  private func credentialLine(_ cookies: String?) -> String {
    let others = cookies.map { "Cookie: \($0)\r\n" } ?? ""
    switch credential {
    case .none: return others
    case .authorization(let text): return "Authorization: \(text)\r\n\(others)"
    case .cookie(let pair): return "Cookie: \(pair)\(cookies.map { "; \($0)" } ?? "")\r\n"
    case .webSocketProtocol(let token):
      return "\(ForgedRequest.handshake)Sec-WebSocket-Protocol: bearer, \(token)\r\n\(others)"
    }
  }
}
