/// A request of a route, which tricks write in their own ways.
struct ForgedRequest {
  /// Where its token stands.
  enum Credential {
    case none
    /// Behind `Authorization: `.
    case authorization(String)
    /// A pair of the Cookie line.
    case cookie(String)
  }

  var method: String
  var host: String
  /// In canonical form.
  var path: String
  var credential: Credential

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
      \(method) \(target ?? path) \(version)\r
      Host: \(host)\r
      \(credentialLine(cookies))Connection: \(options)\r
      \(fields)\r
      \(body)
      """.utf8)
  }

  /// With `field` in front of Host.
  func bytesBeginning(with field: String) -> [UInt8] {
    Array(
      """
      \(method) \(path) HTTP/1.1\r
      \(field)Host: \(host)\r
      \(credentialLine(nil))Connection: close\r
      \r

      """.utf8)
  }

  /// The same as text inside of another message.
  func hidden(_ fields: String) -> String { String(decoding: bytes(fields), as: UTF8.self) }

  private func credentialLine(_ cookies: String?) -> String {
    let others = cookies.map { "Cookie: \($0)\r\n" } ?? ""
    switch credential {
    case .none: return others
    case .authorization(let text): return "Authorization: \(text)\r\n\(others)"
    case .cookie(let pair): return "Cookie: \(pair)\(cookies.map { "; \($0)" } ?? "")\r\n"
    }
  }
}
