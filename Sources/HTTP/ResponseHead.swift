import Reason

/// A response's head: offsets into the bytes that it was parsed from. One is used again and again.
public struct ResponseHead: Sendable {
  /// 100 to 599 (RFC 9110 §15); 0 before a head was parsed.
  public internal(set) var status = 0
  /// May be empty.
  public internal(set) var reasonPhrase = ByteRange.empty
  /// The version that the status line states.
  public internal(set) var version = HTTPVersion.http11
  /// All field lines, in the order received.
  public internal(set) var fields: [FieldLine] = []
  /// How the end of the body is found (RFC 9112 §6.3); `none` also if the request's method or the status excludes one.
  public internal(set) var bodyFraming = BodyFraming.none
  /// Whether the server keeps the connection.
  public internal(set) var persistent = true
  /// The index of the last Upgrade in `fields` (RFC 9110 §7.8); -1 if there is none.
  public internal(set) var upgradeLine = -1
  /// The number of Upgrade lines.
  public internal(set) var upgradeCount = 0
  /// Whether Connection names Upgrade (RFC 9110 §7.8).
  public internal(set) var saysUpgrade = false
  /// Whether Connection names a field other than Keep-Alive and Upgrade (RFC 9110 §7.6.1).
  public internal(set) var namesFields = false
  /// Bytes of the head, with the empty line at its end.
  public internal(set) var length = 0

  /// - Parameter fieldsMax: The number of field lines to make room for.
  public init(fieldsMax: Int) { fields.reserveCapacity(fieldsMax) }
}

/// Reads a response's head as strictly as a request's (RFC 9112 §4; SECURITY U-2).
public enum ResponseHeadParser {
  /// Reads the head at `bytes[start...]`; as `RequestHeadParser.parse`. Every error has the reason
  /// `upstreamAnswerInvalid`.
  ///
  /// - Parameter method: Of the request: a response to HEAD has no body.
  public static func parse(
    _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, answering method: Method,
    into head: inout ResponseHead
  ) throws(HeadError) -> Bool {
    do throws(HeadError) {
      return try read(bytes, start, limits, method, &head)
    } catch {
      throw HeadError(.upstreamAnswerInvalid, at: error.offset)
    }
  }

  private static func read(
    _ bytes: Span<UInt8>, _ start: Int, _ limits: HeadLimits, _ method: Method, _ head: inout ResponseHead
  ) throws(HeadError) -> Bool {
    head.fields.removeAll(keepingCapacity: true)
    guard var next = try statusLine(bytes, start, &head) else {
      if bytes.count - start > limits.headBytesMax { throw HeadError(.headTooLarge, at: bytes.count) }
      return false
    }
    var framing = FramingFields()
    while true {
      switch try FieldLineParser.parse(bytes, at: next) {
      case .incomplete:
        if bytes.count - start > limits.headBytesMax { throw HeadError(.headTooLarge, at: bytes.count) }
        return false
      case .line(let line, let following):
        guard head.fields.count < limits.fieldsMax, following - start <= limits.headBytesMax else {
          throw HeadError(.headTooLarge, at: next)
        }
        if line.known != .other { try framing.noteFraming(line, head.fields.count, bytes) }
        head.fields.append(line)
        next = following
      case .end(let end):
        guard end - start <= limits.headBytesMax else { throw HeadError(.headTooLarge, at: end) }
        head.length = end - start
        try finish(&head, framing, bytes, method)
        return true
      }
    }
  }

  /// `HTTP/1.x SP 3DIGIT SP [reason-phrase] CRLF`; the second space is missing in some servers' responses.
  private static func statusLine(
    _ bytes: Span<UInt8>, _ start: Int, _ head: inout ResponseHead
  ) throws(HeadError) -> Int? {
    let expected: InlineArray<7, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2F, 0x31, 0x2E]
    let count = bytes.count
    for offset in 0..<min(7, count - start) where bytes[start + offset] != expected[offset] {
      throw HeadError(.upstreamAnswerInvalid, at: start)
    }
    guard start + 12 < count else { return nil }
    let minor = bytes[start + 7]
    guard minor == 0x30 || minor == 0x31, bytes[start + 8] == 0x20 else {
      throw HeadError(.upstreamAnswerInvalid, at: start)
    }
    head.version = minor == 0x31 ? .http11 : .http10
    var status = 0
    for offset in 9..<12 {
      guard ByteClass.isDigit(bytes[start + offset]) else { throw HeadError(.upstreamAnswerInvalid, at: start) }
      status = status * 10 + Int(bytes[start + offset] - 0x30)
    }
    guard (100...599).contains(status) else { throw HeadError(.upstreamAnswerInvalid, at: start) }
    head.status = status
    var index = start + 12
    if bytes[index] == 0x20 {
      index += 1
    } else if bytes[index] != 0x0D {
      throw HeadError(.upstreamAnswerInvalid, at: index)
    }
    let phrase = index
    index = FieldLineParser.endOfValue(bytes, from: index)
    guard index + 1 < count else {
      if index < count, bytes[index] != 0x0D { throw HeadError(.lineEndInvalid, at: index) }
      return nil
    }
    guard bytes[index] == 0x0D, bytes[index + 1] == 0x0A else { throw HeadError(.lineEndInvalid, at: index) }
    head.reasonPhrase = ByteRange(phrase, index)
    return index + 2
  }

  private static func finish(
    _ head: inout ResponseHead, _ framing: FramingFields, _ bytes: Span<UInt8>, _ method: Method
  ) throws(HeadError) {
    // The fields must make sense also where they are not used.
    let written = try framing.bodyFraming(bytes, head.fields, head.version)
    if head.status < 200 || head.status == 204 || head.status == 304 || method == .head {
      head.bodyFraming = .none
    } else if written == .none, !framing.hasContentLength {
      head.bodyFraming = .untilClose
    } else {
      head.bodyFraming = written == .none ? .length(0) : written
    }
    head.upgradeLine = framing.upgradeLine
    head.upgradeCount = framing.upgradeCount
    head.saysUpgrade = framing.saysUpgrade
    head.namesFields = framing.namesFields
    switch head.version {
    case .http11: head.persistent = !framing.saysClose
    case .http10: head.persistent = framing.saysKeepAlive && !framing.saysClose
    }
    // A body that cannot be (RFC 9112 §6.3) may be sent all the same, in front of the next response: by a server that
    // treats HEAD as GET, whoever wrote the resource would write the response of somebody else's request.
    if head.bodyFraming == .none, written != .none { head.persistent = false }
  }
}
