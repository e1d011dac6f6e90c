import Tokens

/// RFC 4648 §3.5, SECURITY T-4: one value has one text.
enum Base64URLTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let text = Base64URL.encode(input)
    try require(text.count == (input.count * 4 + 2) / 3, "a text is as long as its bytes need")
    guard let bytes = Base64URL.decode(text.span) else { throw Violation("what was encoded can be decoded") }
    try require(bytes == Array(copying: input), "what was encoded is decoded to the same bytes")
    guard let decoded = Base64URL.decode(input) else { return .refused }
    try require(Base64URL.encode(decoded.span) == Array(copying: input), "only the canonical text is decoded")
    return .accepted
  }
}
