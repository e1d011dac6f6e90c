import HTTP

/// SECURITY P-1 to P-9: a canonical path is its own canonical form, and every server reads it alike.
enum CanonicalPathsTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    guard let (path, traits) = canonical(input) else { return .refused }
    try require(path.first == UInt8(ascii: "/"), "it begins with a slash")
    try require(path.count <= max(input.count, 1), "it does not grow")
    try require(path.allSatisfy { $0 > 0x20 && $0 < 0x7F && !#"\?#"#.utf8.contains($0) }, "it has plain bytes alone")
    guard let (again, traitsAgain) = canonical(path.span) else { throw Violation("it is accepted again") }
    try require(again == path && traitsAgain == traits, "it is its own canonical form")

    let text = String(decoding: path, as: UTF8.self)
    try require(traits.contains(.doubleSlash) == text.contains("//"), "a double slash is told")
    try require(
      traits.contains(.encodedSlash) == (text.contains("%2F") || text.contains("%5C")), "an encoded slash is told")
    try require(traits.contains(.parameter) == (text.contains(";") || text.contains("%3B")), "a parameter is told")
    try require(String(validating: unescaped(path), as: UTF8.self) != nil, "decoded it is UTF-8")
    var matched: [UInt8] = []
    CanonicalPath.writeMatched(path.span, to: &matched)
    try require(unescaped(matched) == unescaped(path), "what is matched decodes to the same")
    try require(traits.contains(.optionalEscape) == (matched != path), "an escape that need not be is told")
    // What still is an escape is the one spelling of its byte.
    let once = Set(escaped(matched))
    try require(once.isDisjoint(with: "!$&'()*+,;=:@|^[]".utf8), "what may stand as it is, is matched so")
    for segment in segments(path) {
      let isDots = segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8)
      try require(!isDots, "no segment is a dot segment, however a server splits it")
    }
    return .accepted
  }

  private static func canonical(_ bytes: Span<UInt8>) -> (path: [UInt8], traits: PathTraits)? {
    var path: [UInt8] = []
    guard let traits = try? CanonicalPath.write(bytes, ByteRange(0, bytes.count), to: &path) else { return nil }
    return (path, traits)
  }

  /// Each escape decoded once.
  private static func unescaped(_ path: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = path[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      if byte == UInt8(ascii: "%"), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }

  /// The bytes that stand as escapes.
  private static func escaped(_ path: [UInt8]) -> [UInt8] {
    path.indices.filter { path[$0] == UInt8(ascii: "%") }.compactMap { index in
      UInt8(String(decoding: path[(index + 1)...].prefix(2), as: UTF8.self), radix: 16)
    }
  }

  /// As a server sees them that decodes before it splits, takes a backslash for a slash, and cuts parameters off.
  private static func segments(_ path: [UInt8]) -> [ArraySlice<UInt8>] {
    unescaped(path).split { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }.map { segment in
      segment.prefix { $0 != UInt8(ascii: ";") }
    }
  }
}
