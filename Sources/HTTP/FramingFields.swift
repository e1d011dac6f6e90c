import Reason

/// The fields of a head that decide where the message ends, and the few that the gateway reads itself.
struct FramingFields {
  private var contentLengthLine = -1
  private var transferEncodingLine = -1
  private(set) var hostLine = -1
  private(set) var authorizationLine = -1
  private(set) var authorizationCount = 0
  private(set) var cookieLine = -1
  private(set) var acceptLine = -1
  private(set) var loopLine = -1
  private(set) var dpopLine = -1
  private(set) var dpopCount = 0
  private(set) var traceparentLine = -1
  private(set) var traceparentCount = 0
  private(set) var originLine = -1
  private(set) var originCount = 0
  private(set) var upgradeLine = -1
  private(set) var upgradeCount = 0
  private(set) var saysClose = false
  private(set) var saysKeepAlive = false
  private(set) var saysUpgrade = false
  /// Whether Connection names a field that ends here, and that is not known for it. Close may be one (RFC 9110 §7.6.1).
  private(set) var namesFields = false
  private(set) var expectsContinue = false
  private var optionsCount = 0
  /// Names in all Connection lines together: whoever forwards the message compares each with every field of it.
  static let optionsMax = 64

  /// Notes a known field of a request.
  mutating func note(_ line: FieldLine, _ index: Int, _ bytes: Span<UInt8>) throws(HeadError) {
    switch line.known {
    case .host:
      try FramingFields.refuseObsText(bytes, line.value)
      guard hostLine < 0 else { throw HeadError(.hostInvalid, at: line.name.lowerBound) }
      hostLine = index
    case .authorization:
      try FramingFields.refuseObsText(bytes, line.value)
      authorizationLine = index
      authorizationCount += 1
    case .cookie:
      // Of its bytes those from 0x80 stay: pages write them into cookies that are their own. In the gateway's own they are
      // no token.
      // HTTP/1.1 has one Cookie line (RFC 6265 §5.4); which of two a server reads is anyone's guess.
      guard cookieLine < 0 else { throw HeadError(.fieldLineInvalid, at: line.name.lowerBound) }
      cookieLine = index
    case .accept: if acceptLine < 0 { acceptLine = index }
    case .cdnLoop: if loopLine < 0 { loopLine = index }
    case .dpop:
      try FramingFields.refuseObsText(bytes, line.value)
      dpopLine = index
      dpopCount += 1
    case .traceparent:
      traceparentLine = index
      traceparentCount += 1
    case .origin:
      try FramingFields.refuseObsText(bytes, line.value)
      originLine = index
      originCount += 1
    case .expect:
      guard FieldText.isWord(bytes, line.value, "100-continue") else {
        throw HeadError(.expectationUnsupported, at: line.value.lowerBound)
      }
      expectsContinue = true
    default: try noteFraming(line, index, bytes)
    }
  }

  /// Notes what frames a message of either kind.
  mutating func noteFraming(_ line: FieldLine, _ index: Int, _ bytes: Span<UInt8>) throws(HeadError) {
    switch line.known {
    case .contentLength:
      guard contentLengthLine < 0 else { throw HeadError(.contentLengthInvalid, at: line.name.lowerBound) }
      contentLengthLine = index
    case .transferEncoding:
      guard transferEncodingLine < 0 else { throw HeadError(.transferEncodingInvalid, at: line.name.lowerBound) }
      transferEncodingLine = index
    case .connection:
      try FramingFields.refuseObsText(bytes, line.value)
      try noteOptions(bytes, line.value)
    case .upgrade:
      try FramingFields.refuseObsText(bytes, line.value)
      upgradeLine = index
      upgradeCount += 1
    default: break
    }
  }

  private mutating func noteOptions(_ bytes: Span<UInt8>, _ value: ByteRange) throws(HeadError) {
    var options = ListElements(value)
    while let option = options.next(bytes) {
      optionsCount += 1
      guard optionsCount <= FramingFields.optionsMax else { throw HeadError(.tooManyFields, at: value.lowerBound) }
      if FieldText.isWord(bytes, option, "close") {
        saysClose = true
        namesFields = true
      } else if FieldText.isWord(bytes, option, "keep-alive") {
        saysKeepAlive = true
      } else if FieldText.isWord(bytes, option, "upgrade") {
        saysUpgrade = true
      } else if !option.isEmpty {
        namesFields = true
      }
    }
  }

  /// RFC 9112 §6.3, without its leniencies.
  func bodyFraming(
    _ bytes: Span<UInt8>, _ fields: [FieldLine], _ version: HTTPVersion
  ) throws(HeadError) -> BodyFraming {
    if transferEncodingLine >= 0 {
      let value = fields[transferEncodingLine].value
      if contentLengthLine >= 0 { throw HeadError(.framingConflict, at: value.lowerBound) }
      guard version == .http11 else { throw HeadError(.transferEncodingInvalid, at: value.lowerBound) }
      if FieldText.isWord(bytes, value, "chunked") { return .chunked }
      throw HeadError(
        FramingFields.endsInChunked(bytes, value) ? .transferCodingUnsupported : .transferEncodingInvalid,
        at: value.lowerBound)
    }
    guard contentLengthLine >= 0 else { return .none }
    let value = fields[contentLengthLine].value
    guard let length = FramingFields.decimal(bytes, value) else {
      throw HeadError(.contentLengthInvalid, at: value.lowerBound)
    }
    return length == 0 ? .none : .length(length)
  }

  /// Whether a length was given: a zero says that there is no body, and is not the same as saying nothing.
  var hasContentLength: Bool { contentLengthLine >= 0 }

  /// 1*DIGIT without a leading zero, below 2^63.
  static func decimal(_ bytes: Span<UInt8>, _ range: ByteRange) -> UInt64? {
    guard range.count >= 1, range.count <= 19 else { return nil }
    guard range.count == 1 || bytes[range.lowerBound] != 0x30 else { return nil }
    var number: UInt64 = 0
    for index in range.lowerBound..<range.upperBound {
      guard ByteClass.isDigit(bytes[index]) else { return nil }
      number = number * 10 + UInt64(bytes[index] - 0x30)
    }
    return number < 1 << 63 ? number : nil
  }

  /// A list of known codings whose last is `chunked`: good, but not supported.
  private static func endsInChunked(_ bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    var codings = ListElements(value)
    var isChunked = false
    while let coding = codings.next(bytes) {
      if isChunked { return false }
      isChunked = FieldText.isWord(bytes, coding, "chunked")
      if !isChunked, !knownCodings.contains(where: { FieldText.isWord(bytes, coding, $0) }) { return false }
    }
    return isChunked
  }

  private static let knownCodings = ["gzip", "deflate", "compress", "x-gzip", "x-compress"]

  private static func refuseObsText(_ bytes: Span<UInt8>, _ range: ByteRange) throws(HeadError) {
    var index = range.lowerBound
    while index &+ 8 <= range.upperBound, ByteWord.load(bytes, at: index) & ByteWord.highBits == 0 { index &+= 8 }
    while index < range.upperBound {
      if bytes[index] >= 0x80 { throw HeadError(.fieldValueInvalid, at: index) }
      index &+= 1
    }
  }
}
