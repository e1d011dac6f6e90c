import HTTP

/// What stands before a trusted proxy's words makes no difference to whom they name: SECURITY I-7.
enum ForwardedRequestsTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    guard let said = try read(input, appending: "") else { return .refused }
    guard let client = said.client else { return .refused }
    for (index, proxy) in said.route.dropFirst().enumerated() {
      try require(isTrusted(proxy), "the proxy at \(index) is trusted")
    }
    try require(IPAddress(client.text) == client, "the client's address can be written and read")
    try require(said.authority.upperBound <= input.count + prefix.utf8.count, "the host is inside the head")
    // A trusted proxy appends a stranger's address: then that is the client, whatever came before, or nothing is.
    for line in ["X-Forwarded-For: 192.0.2.77", "Forwarded: for=192.0.2.77"] {
      guard let appended = try read(input, appending: line + "\r\n") else { continue }
      // The other of the two ways stays as it was: where both are used, they agree.
      try require(appended.client?.text == "192.0.2.77", "who is appended last is the client")
    }
    return .accepted
  }

  private static let prefix = "GET / HTTP/1.1\r\nHost: a\r\n"
  private static let trusted = ["10.0.0.0", "::1"].compactMap { text in
    IPAddress(text).flatMap { AddressBlock($0, prefixLength: $0.isIPv4 ? 8 : 128) }
  }

  private static func isTrusted(_ address: IPAddress) -> Bool { trusted.contains { $0.contains(address) } }

  /// Nil where the lines are no head, or are refused.
  private static func read(_ input: Span<UInt8>, appending line: String) throws(Violation) -> ForwardedRequest? {
    let bytes = [UInt8](prefix.utf8) + Array(copying: input) + [UInt8]("\r\n\(line)\r\n".utf8)
    var head = RequestHead(fieldsMax: 100)
    do throws(HeadError) {
      guard
        try RequestHeadParser.parse(bytes.span, from: 0, limits: HeadLimits(), scheme: .http, into: &head),
        head.length == bytes.count
      else { return nil }
    } catch {
      return nil
    }
    do throws(ForwardedError) {
      return try ForwardedRequest(head, bytes.span, trusted: trusted)
    } catch {
      return nil
    }
  }
}
