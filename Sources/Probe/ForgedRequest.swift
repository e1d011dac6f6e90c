/// A request of a route, which tricks write in their own ways.
struct ForgedRequest {
  var method: String
  var host: String
  /// In canonical form.
  var path: String
  /// Behind `Authorization: `; nil: none.
  var credential: String?

  /// The head, with what is forged in it.
  ///
  /// - Parameters:
  ///   - options: Behind `Connection: `.
  func bytes(
    target: String? = nil, version: String = "HTTP/1.1", options: String = "close", _ fields: String = "",
    body: String = ""
  ) -> [UInt8] {
    var text = "\(method) \(target ?? path) \(version)\r\n"
    text += "Host: \(host)\r\n"
    if let credential { text += "Authorization: \(credential)\r\n" }
    text += "Connection: \(options)\r\n\(fields)\r\n\(body)"
    return Array(text.utf8)
  }

  /// With `field` as its first line, in front of Host.
  func bytesBeginning(with field: String) -> [UInt8] {
    var text = "\(method) \(path) HTTP/1.1\r\n\(field)"
    text += "Host: \(host)\r\n"
    if let credential { text += "Authorization: \(credential)\r\n" }
    return Array((text + "Connection: close\r\n\r\n").utf8)
  }

  /// The same as text inside of another message.
  func hidden(_ fields: String) -> String { String(decoding: bytes(fields), as: UTF8.self) }
}
