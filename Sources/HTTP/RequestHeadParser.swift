import Reason

/// Reads a request head (RFC 9112 §2 to §6) in one pass, strictly: where two servers could read a head in two ways, it is
/// refused.
public enum RequestHeadParser {
  /// Reads the head at `bytes[start...]`.
  ///
  /// It keeps nothing between calls: it is called again, with more bytes, while it says that the head is not whole.
  ///
  /// - Parameters:
  ///   - scheme: The listener's, which an absolute-form target must name.
  ///   - head: Overwritten; its ranges are offsets into `bytes`.
  /// - Returns: Whether the head is whole.
  /// - Throws: As soon as no further byte can make it good.
  public static func parse(
    _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, scheme: Scheme, into head: inout RequestHead
  ) throws(HeadError) -> Bool {
    head.fields.removeAll(keepingCapacity: true)
    // What lies behind the longest head that is allowed has no say: a head is judged alike however much of it came.
    let bytes = bytes.extracting(0..<min(bytes.count, start + limits.headBytesMax))
    var begin = start
    // One empty line before the request line: some clients end a body with it (RFC 9112 §2.2).
    if begin < bytes.count, bytes[begin] == 0x0D {
      guard begin + 1 < bytes.count else { return false }
      guard bytes[begin + 1] == 0x0A else { throw HeadError(.lineEndInvalid, at: begin) }
      begin += 2
    }
    guard var next = try requestLine(bytes, begin, limits, &head) else {
      if bytes.count - start >= limits.headBytesMax { throw HeadError(.headTooLarge, at: bytes.count) }
      return false
    }
    var framing = FramingFields()
    while true {
      switch try FieldLineParser.parse(bytes, at: next) {
      case .incomplete:
        if bytes.count - start >= limits.headBytesMax { throw HeadError(.headTooLarge, at: bytes.count) }
        return false
      case .line(let line, let following):
        guard head.fields.count < limits.fieldsMax else { throw HeadError(.tooManyFields, at: next) }
        if line.known != .other { try framing.note(line, head.fields.count, bytes) }
        head.fields.append(line)
        next = following
      case .end(let end):
        head.length = end - start
        try finish(&head, framing, bytes, scheme)
        return true
      }
    }
  }

  // MARK: The request line

  /// - Returns: Where the first field line begins; nil where the line is not whole.
  private static func requestLine(
    _ bytes: Span<UInt8>, _ start: Int, _ limits: HeadLimits, _ head: inout RequestHead
  ) throws(HeadError) -> Int? {
    let count = bytes.count
    var index = start
    while index < count, ByteClass.isToken(bytes[index]) { index &+= 1 }
    guard index < count else { return nil }
    guard index > start, bytes[index] == 0x20 else {
      throw HeadError(bytes[index] == 0x0A ? .lineEndInvalid : .requestLineInvalid, at: index)
    }
    head.method = ByteRange(start, index)
    head.knownMethod = try method(bytes, head.method)
    let targetStart = index + 1
    index = targetStart
    // Nor has what lies behind the first byte too many of a target.
    let targetEndMax = min(count, targetStart + limits.targetBytesMax + 1)
    var pathEnd = -1
    while index < targetEndMax {
      let byte = bytes[index]
      if byte == 0x20 { break }
      guard byte > 0x20, byte < 0x7F, byte != 0x23 else {
        throw HeadError(byte == 0x0A || byte == 0x0D ? .requestLineInvalid : .targetInvalid, at: index)
      }
      if byte == 0x3F, pathEnd < 0 { pathEnd = index }
      index &+= 1
    }
    guard index - targetStart <= limits.targetBytesMax else { throw HeadError(.targetTooLong, at: index) }
    guard index < count else { return nil }
    guard index > targetStart else { throw HeadError(.requestLineInvalid, at: index) }
    head.target = ByteRange(targetStart, index)
    if pathEnd < 0 { pathEnd = index }
    head.query = ByteRange(pathEnd, index)
    try target(bytes, targetStart, pathEnd, &head)
    guard let end = try version(bytes, index + 1, &head) else { return nil }
    return end
  }

  private static func method(_ bytes: Span<UInt8>, _ range: ByteRange) throws(HeadError) -> Method {
    var word: UInt64 = 0
    guard range.count <= 8 else { return .other }
    for index in range.lowerBound..<range.upperBound { word = word << 8 | UInt64(bytes[index]) }
    switch word {
    case 0x474554: return .get
    case 0x4845_4144: return .head
    case 0x504F_5354: return .post
    case 0x505554: return .put
    case 0x4445_4C45_5445: return .delete
    case 0x4F_5054_494F_4E53: return .options
    case 0x50_4154_4348: return .patch
    // A tunnel would bypass every rule, and TRACE shows credentials (RFC 9110 §9.3.6, §9.3.8).
    case 0x43_4F4E_4E45_4354, 0x54_5241_4345: throw HeadError(.methodRefused, at: range.lowerBound)
    default: return .other
    }
  }

  /// `HTTP/1.1` or `HTTP/1.0`, and CRLF.
  private static func version(
    _ bytes: Span<UInt8>, _ start: Int, _ head: inout RequestHead
  ) throws(HeadError) -> Int? {
    let expected: InlineArray<5, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2F]
    let count = bytes.count
    for offset in 0..<5 {
      guard start + offset < count else { return nil }
      guard bytes[start + offset] == expected[offset] else { throw HeadError(.requestLineInvalid, at: start + offset) }
    }
    for offset in 5..<10 {
      guard start + offset < count else { return nil }
      let byte = bytes[start + offset]
      let isGood =
        switch offset {
        case 6: byte == 0x2E
        case 8: byte == 0x0D
        case 9: byte == 0x0A
        default: ByteClass.isDigit(byte)
        }
      guard isGood else { throw HeadError(byte == 0x0A ? .lineEndInvalid : .requestLineInvalid, at: start + offset) }
    }
    guard bytes[start + 5] == 0x31, bytes[start + 7] == 0x31 || bytes[start + 7] == 0x30 else {
      throw HeadError(.versionUnsupported, at: start)
    }
    head.version = bytes[start + 7] == 0x31 ? .http11 : .http10
    return start + 10
  }

  /// Which form the target has, and where its path is (RFC 9112 §3.2).
  private static func target(
    _ bytes: Span<UInt8>, _ start: Int, _ pathEnd: Int, _ head: inout RequestHead
  ) throws(HeadError) {
    head.authority = .empty
    if bytes[start] == 0x2F {
      head.targetForm = .origin
      head.path = ByteRange(start, pathEnd)
      return
    }
    if head.target.count == 1, bytes[start] == 0x2A {
      guard head.knownMethod == .options else { throw HeadError(.targetInvalid, at: start) }
      head.targetForm = .asterisk
      head.path = ByteRange(start, pathEnd)
      return
    }
    guard let authorityStart = absoluteScheme(bytes, start, head.target.upperBound) else {
      throw HeadError(.targetInvalid, at: start)
    }
    var end = authorityStart
    while end < pathEnd, bytes[end] != 0x2F { end &+= 1 }
    head.targetForm = .absolute
    head.authority = ByteRange(authorityStart, end)
    head.path = ByteRange(end, pathEnd)
  }

  /// Where the authority begins, behind `http://` or `https://`.
  static func absoluteScheme(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    let text: InlineArray<4, UInt8> = [0x68, 0x74, 0x74, 0x70]
    guard end - start > 7 else { return nil }
    for offset in 0..<4 where ByteClass.lowered(bytes[start + offset]) != text[offset] { return nil }
    var index = start + 4
    if ByteClass.lowered(bytes[index]) == 0x73 { index += 1 }
    guard index + 3 < end, bytes[index] == 0x3A, bytes[index + 1] == 0x2F, bytes[index + 2] == 0x2F else { return nil }
    return index + 3
  }

  // MARK: The fields together

  private static func finish(
    _ head: inout RequestHead, _ framing: FramingFields, _ bytes: Span<UInt8>, _ scheme: Scheme
  ) throws(HeadError) {
    head.authorizationLine = framing.authorizationLine
    head.authorizationCount = framing.authorizationCount
    head.cookieLine = framing.cookieLine
    head.acceptLine = framing.acceptLine
    head.loopLine = framing.loopLine
    head.dpopLine = framing.dpopLine
    head.dpopCount = framing.dpopCount
    head.traceparentLine = framing.traceparentLine
    head.traceparentCount = framing.traceparentCount
    head.originLine = framing.originLine
    head.originCount = framing.originCount
    head.upgradeLine = framing.upgradeLine
    head.upgradeCount = framing.upgradeCount
    head.asksForUpgrade = framing.saysUpgrade
    head.namesFields = framing.namesFields
    head.bodyFraming = try framing.bodyFraming(bytes, head.fields, head.version)
    guard framing.hostLine >= 0 else { throw HeadError(.hostInvalid, at: head.target.upperBound) }
    let host = try Authority(bytes, head.fields[framing.hostLine].value)
    if head.targetForm == .absolute {
      let target = try Authority(bytes, head.authority)
      let isHTTPS = bytes[head.target.lowerBound + 4] | 0x20 == 0x73
      guard isHTTPS == (scheme == .https), target.names(bytes, host, scheme) else {
        throw HeadError(.authorityMismatch, at: head.target.lowerBound)
      }
    }
    head.authority = head.fields[framing.hostLine].value
    head.host = host.host
    head.port = host.port
    switch head.version {
    case .http11: head.persistent = !framing.saysClose
    case .http10: head.persistent = framing.saysKeepAlive && !framing.saysClose
    }
    // An HTTP/1.0 client's Expect means nothing (RFC 9110 §10.1.1).
    head.expectsContinue = framing.expectsContinue && head.version == .http11
  }
}
