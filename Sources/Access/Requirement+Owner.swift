import HTTP
public import Tokens

extension Requirement {
  /// The sender owns what the path names: the segment that `{name}` of the route's pattern matches equals the claim.
  public struct Owner: Sendable, Hashable {
    /// The name in `{name}` of the route's pattern.
    public let name: String
    /// The claim that the segment is compared with.
    public let claim: ClaimPath
    /// The provider whose tokens carry the claim; nil if the route has one provider.
    public let provider: String?
    /// The index of the segment in the path.
    private let segment: Int

    /// - Parameter pattern: The path pattern of the route as written; it must be valid.
    /// - Throws: `PatternError` if `{name}` is missing from the pattern or occurs in it more than once.
    public init(_ name: String, of pattern: String, claim: ClaimPath, provider: String? = nil) throws(PatternError) {
      segment = try PathPattern.place(of: name[...], in: pattern)
      self.name = name
      self.claim = claim
      self.provider = provider
    }

    /// Whether the claims come from the provider that the condition applies to: the same name at another provider is
    /// another person (SECURITY I-9).
    func isAbout(_ claims: borrowing ClaimsSet) -> Bool {
      guard let provider else { return true }
      return provider == claims.provider
    }

    /// Compares byte for byte, after decoding the segment's escapes.
    func holds(_ claims: borrowing ClaimsSet, _ path: Span<UInt8>) -> Bool {
      let range = PathPattern.range(of: segment, in: path)
      return claims.claim(claim) { text in Owner.isSegment(path, range, text) }
    }

    /// The decoded segment, to be shown to people.
    func text(in path: Span<UInt8>) -> String {
      let range = PathPattern.range(of: segment, in: path)
      var decoded: [UInt8] = []
      var index = range.lowerBound
      while index < range.upperBound { decoded.append(Owner.next(path, &index, range.upperBound)) }
      return String(decoding: decoded, as: UTF8.self)
    }

    private static func isSegment(_ path: Span<UInt8>, _ range: ByteRange, _ text: Span<UInt8>) -> Bool {
      var index = range.lowerBound
      for place in text.indices {
        guard index < range.upperBound, next(path, &index, range.upperBound) == text[place] else { return false }
      }
      return index == range.upperBound && !range.isEmpty
    }

    /// The byte at `index`, decoded if it is an escape; escapes in a canonical path have upper-case digits.
    private static func next(_ path: Span<UInt8>, _ index: inout Int, _ end: Int) -> UInt8 {
      let byte = path[index]
      guard byte == UInt8(ascii: "%"), index + 2 < end, let high = digit(path[index + 1]),
        let low = digit(path[index + 2])
      else {
        index += 1
        return byte
      }
      index += 3
      return high << 4 | low
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
      case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
      default: nil
      }
    }
  }
}

extension Requirement {
  /// Whether the requirement contains an `owner` condition, at any depth.
  public var namesOwner: Bool { conditions.contains(where: \.namesOwner) }
}

extension Requirement.Condition {
  fileprivate var namesOwner: Bool {
    switch self {
    case .owner: true
    case .any(let requirements), .all(let requirements): requirements.contains(where: \.namesOwner)
    case .not(let requirement): requirement.namesOwner
    case .roles, .scopes, .permissions, .claim, .contextClasses, .authenticationAge: false
    }
  }
}

extension PathPattern {
  /// The index of the only segment `{name}` in a valid pattern.
  ///
  /// - Throws: `PatternError` if there is none, or more than one.
  static func place(of name: Substring, in pattern: String) throws(PatternError) -> Int {
    let names = names(pattern)
    guard let place = names.firstIndex(of: name) else {
      throw PatternError("`{\(name)}` is not in the route's path")
    }
    guard names.lastIndex(of: name) == place else {
      throw PatternError("`{\(name)}` appears more than once in the route's path")
    }
    return place
  }

  /// The range of that segment; empty if the path has no such segment.
  fileprivate static func range(of segment: Int, in path: Span<UInt8>) -> ByteRange {
    var place = 0
    var start = 1
    while start <= path.count {
      var end = start
      while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
      if place == segment { return ByteRange(start, end) }
      place += 1
      start = end + 1
    }
    return ByteRange(0, 0)
  }
}
