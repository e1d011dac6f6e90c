import HTTP

/// A PROXY header is read alike however it arrives, and names an address that can be written.
enum ProxyHeadersTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    guard let header = outcome(input) else {
      // What is refused stays refused, whatever follows.
      var more = Array(copying: input)
      more.append(0x0A)
      try require(outcome(more.span) == nil, "what is refused stays refused")
      return .refused
    }
    guard let header else { return .refused }
    try require(header.length > 0 && header.length <= min(input.count, ProxyHeader.lengthMax), "it ends in the bytes")
    for count in 0..<header.length {
      try require(outcome(input.extracting(0..<count)) == .some(nil), "its last byte is needed")
    }
    try require(outcome(input.extracting(0..<header.length)) == header, "what follows makes no difference")
    if let client = header.endpoints?.client {
      try require(IPAddress(client.text) == client, "its address can be written and read")
    }
    return .accepted
  }

  /// nil: refused; nil inside: incomplete.
  private static func outcome(_ bytes: Span<UInt8>) -> ProxyHeader?? {
    do throws(ProxyHeaderError) {
      return .some(try ProxyHeader.parse(bytes))
    } catch {
      return nil
    }
  }
}
