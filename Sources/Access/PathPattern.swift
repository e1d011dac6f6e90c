import HTTP
import Reason

/// Which paths a route is for: `/orders/{id}/**`.
///
/// A literal segment matches itself; `*` and `{name}` match one segment that is not empty; `**` stands last and matches
/// whatever follows, nothing included. A trailing slash makes no difference (SECURITY P-10).
public struct PathPattern: Sendable, Hashable {
  enum Segment: Sendable, Hashable {
    /// In the form in which paths are matched (`CanonicalPath.writeMatched`).
    case literal([UInt8])
    case any
  }

  let segments: [Segment]
  /// Whether `**` stands last.
  public let matchesBelow: Bool

  /// - Throws: `PatternError` if `text` is not a valid pattern.
  public init(_ text: String) throws(PatternError) {
    guard text.hasPrefix("/") else { throw PatternError("it must begin with `/`") }
    var parts = PathPattern.parts(text)
    matchesBelow = parts.last == "**"
    if matchesBelow { parts.removeLast() }
    var segments: [Segment] = []
    for part in parts { segments.append(try PathPattern.segment(part)) }
    self.segments = segments
  }

  private init(_ segments: [Segment], matchesBelow: Bool) {
    self.segments = segments
    self.matchesBelow = matchesBelow
  }

  /// `/`.
  static let root = PathPattern([], matchesBelow: false)

  /// `/**`.
  public static let everything = PathPattern([], matchesBelow: true)

  /// What it is where the case of letters makes no difference.
  var foldingCase: PathPattern {
    let folded = segments.map { segment in
      if case .literal(let bytes) = segment { Segment.literal(bytes.map(FieldText.lowered)) } else { segment }
    }
    return PathPattern(folded, matchesBelow: matchesBelow)
  }

  /// The segments of a good pattern, as written.
  static func parts(_ text: String) -> [Substring] {
    var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    // `/` and `/a/` are the same as without the last slash.
    if parts.last == "" { parts.removeLast() }
    return parts
  }

  /// What the segments of a good pattern are called; nil for those without a name.
  static func names(_ text: String) -> [Substring?] {
    parts(text).map { $0.hasPrefix("{") ? $0.dropFirst().dropLast() : nil }
  }

  private static func segment(_ part: Substring) throws(PatternError) -> Segment {
    if part == "*" { return .any }
    if part.hasPrefix("{"), part.hasSuffix("}") {
      let name = part.dropFirst().dropLast()
      let isName = !name.isEmpty && name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || $0.isLetterOrDigit }
      guard isName else { throw PatternError("the name in `{name}` has only letters, digits and `_`") }
      return .any
    }
    if part == "**" { throw PatternError("`**` is allowed only at the end") }
    if part.contains("*") { throw PatternError("`*` must be a whole segment") }
    if part.contains("{") || part.contains("}") { throw PatternError("`{name}` must be a whole segment") }
    if part.hasPrefix("<"), part.hasSuffix(">") {
      throw PatternError("a segment that may be anything is written `{name}`, not `<name>`")
    }
    if part.isEmpty { throw PatternError("it has an empty segment") }
    if part.contains("?") { throw PatternError("the query is never matched") }
    let canonical = try canonical(part)
    var matched: [UInt8] = []
    CanonicalPath.writeMatched(canonical.span, to: &matched)
    return .literal(matched)
  }

  /// A literal segment as it is forwarded where a route writes it.
  static func canonical(_ part: Substring) throws(PatternError) -> [UInt8] {
    let bytes = [UInt8]("/".utf8) + Array(part.utf8)
    if bytes.contains(where: { $0 >= 0x80 }) { throw PatternError("write non-ASCII characters as escapes: %C3%A9") }
    var output: [UInt8] = []
    do throws(PathError) {
      _ = try CanonicalPath.write(bytes.span, ByteRange(0, bytes.count), to: &output)
    } catch {
      throw PatternError("every request with such a path is refused (\(error.reason.rawValue))")
    }
    return Array(output.dropFirst())
  }
}

extension PathPattern: CustomStringConvertible {
  /// In canonical form, with `*` for a segment that has a name.
  public var description: String {
    let texts = segments.map { $0.literalText ?? "*" }
    return "/" + (texts + (matchesBelow ? ["**"] : [])).joined(separator: "/")
  }
}

extension PathPattern.Segment {
  /// A literal as a URL has it, with escapes where patterns and URLs mean something else by the byte; nil of any other
  /// segment.
  var literalText: String? {
    guard case .literal(let bytes) = self else { return nil }
    return bytes.map { byte in
      switch byte {
      case UInt8(ascii: "*"): "%2A"
      case UInt8(ascii: "["): "%5B"
      case UInt8(ascii: "]"): "%5D"
      case UInt8(ascii: "^"): "%5E"
      case UInt8(ascii: "|"): "%7C"
      default: String(UnicodeScalar(byte))
      }
    }.joined()
  }
}

extension UInt8 {
  fileprivate var isLetterOrDigit: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
