/// What a head says that it asks for which was refused, or never came whole. For the log: nothing is decided by it.
///
/// There is one where the request line is well-formed (RFC 9112 §3) and within the limits, whatever is wrong with its
/// method, its version, or what follows it.
public struct RefusedHead {
  /// As received; any token (RFC 9110 §5.6.2).
  public let method: ByteRange
  /// Without the query, undecoded; nil where the target has none, as CONNECT's.
  public private(set) var path: ByteRange?
  /// Host and port, as received: of the target where that is a whole URL, else of Host; empty where that did not come, is
  /// invalid, or came twice.
  public private(set) var authority = ByteRange.empty

  /// - Parameter bytes: What came of the head, from its beginning.
  public init?(_ bytes: Span<UInt8>, limits: HeadLimits) {
    let bytes = bytes.extracting(0..<min(bytes.count, limits.headBytesMax))
    // One empty line before it (RFC 9112 §2.2).
    let start = bytes.count > 1 && bytes[0] == 0x0D && bytes[1] == 0x0A ? 2 : 0
    guard let methodEnd = RefusedHead.end(of: bytes, from: start, isPart: ByteClass.isToken) else { return nil }
    method = ByteRange(start, methodEnd)
    let targetStart = methodEnd + 1
    let isOfTarget = { (byte: UInt8) in byte > 0x20 && byte < 0x7F && byte != 0x23 }
    guard let targetEnd = RefusedHead.end(of: bytes, from: targetStart, isPart: isOfTarget),
      targetEnd - targetStart <= limits.targetBytesMax,
      let fields = RefusedHead.endOfVersion(bytes, targetEnd + 1)
    else { return nil }
    take(bytes, target: ByteRange(targetStart, targetEnd))
    if authority.isEmpty { takeHost(bytes, fields, limits) }
  }

  /// The space behind a word; nil where it has not come, or another byte stands there.
  private static func end(of bytes: Span<UInt8>, from start: Int, isPart: (UInt8) -> Bool) -> Int? {
    var index = start
    while index < bytes.count, isPart(bytes[index]) { index += 1 }
    return index > start && index < bytes.count && bytes[index] == 0x20 ? index : nil
  }

  /// Where the first field line begins.
  private static func endOfVersion(_ bytes: Span<UInt8>, _ start: Int) -> Int? {
    let name: InlineArray<5, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2F]
    guard start + 10 <= bytes.count else { return nil }
    for offset in 0..<5 where bytes[start + offset] != name[offset] { return nil }
    guard ByteClass.isDigit(bytes[start + 5]), bytes[start + 6] == 0x2E, ByteClass.isDigit(bytes[start + 7]),
      bytes[start + 8] == 0x0D, bytes[start + 9] == 0x0A
    else { return nil }
    return start + 10
  }

  private mutating func take(_ bytes: Span<UInt8>, target: ByteRange) {
    var end = target.lowerBound
    while end < target.upperBound, bytes[end] != 0x3F { end += 1 }
    if bytes[target.lowerBound] == 0x2F {
      path = ByteRange(target.lowerBound, end)
    } else if let start = RequestHeadParser.absoluteScheme(bytes, target.lowerBound, target.upperBound) {
      var pathStart = start
      while pathStart < end, bytes[pathStart] != 0x2F { pathStart += 1 }
      path = ByteRange(min(pathStart, end), end)
      takeAuthority(bytes, ByteRange(start, min(pathStart, end)))
    }
  }

  private mutating func takeHost(_ bytes: Span<UInt8>, _ start: Int, _ limits: HeadLimits) {
    var next = start
    var count = 0
    var host: ByteRange?
    while count < limits.fieldsMax, case .line(let line, let following)? = try? FieldLineParser.parse(bytes, at: next) {
      if line.known == .host {
        // Which of two is meant is anyone's guess.
        guard host == nil else { return }
        host = line.value
      }
      next = following
      count += 1
    }
    if let host { takeAuthority(bytes, host) }
  }

  private mutating func takeAuthority(_ bytes: Span<UInt8>, _ range: ByteRange) {
    // One that is invalid stands in no line.
    if (try? Authority(bytes, range)) != nil { authority = range }
  }
}
