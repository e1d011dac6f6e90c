import HTTP
import Reason
import Testing

/// What a head parser says of some bytes.
enum HeadOutcome: Equatable, Sendable {
  case incomplete
  /// Good, and so many bytes long.
  case whole(length: Int)
  case refused(Reason)
}

/// Limits that no test about grammar meets.
let wideLimits = HeadLimits(headBytesMax: 1 << 20, fieldsMax: 10_000, targetBytesMax: 1 << 20)

func requestOutcome(
  _ bytes: [UInt8], from start: Int = 0, limits: HeadLimits = HeadLimits(), scheme: Scheme = .http
) -> HeadOutcome {
  var head = RequestHead(fieldsMax: 100)
  do throws(HeadError) {
    let isWhole = try RequestHeadParser.parse(bytes.span, from: start, limits: limits, scheme: scheme, into: &head)
    return isWhole ? .whole(length: head.length) : .incomplete
  } catch {
    return .refused(error.reason)
  }
}

func responseOutcome(
  _ bytes: [UInt8], limits: HeadLimits = HeadLimits(), answering method: Method = .get
) -> HeadOutcome {
  var head = ResponseHead(fieldsMax: 100)
  do throws(HeadError) {
    let isWhole = try ResponseHeadParser.parse(bytes.span, from: 0, limits: limits, answering: method, into: &head)
    return isWhole ? .whole(length: head.length) : .incomplete
  } catch {
    return .refused(error.reason)
  }
}

/// The first outcome that is final while the bytes come one by one; `incomplete` where none is.
func byteByByte(_ bytes: [UInt8], _ outcome: ([UInt8]) -> HeadOutcome) -> HeadOutcome {
  for count in 0...bytes.count {
    let seen = outcome(Array(bytes[..<count]))
    if seen != .incomplete { return seen }
  }
  return .incomplete
}

/// The head of a request that is good.
func requestHead(_ text: String, scheme: Scheme = .http) throws -> (head: RequestHead, bytes: [UInt8]) {
  let bytes = Array(text.utf8)
  var head = RequestHead(fieldsMax: 100)
  let isWhole = try RequestHeadParser.parse(bytes.span, from: 0, limits: HeadLimits(), scheme: scheme, into: &head)
  try #require(isWhole)
  return (head, bytes)
}

/// The head of a response that is good.
func responseHead(_ text: String, answering method: Method = .get) throws -> (head: ResponseHead, bytes: [UInt8]) {
  let bytes = Array(text.utf8)
  var head = ResponseHead(fieldsMax: 100)
  let isWhole = try ResponseHeadParser.parse(
    bytes.span, from: 0, limits: HeadLimits(), answering: method, into: &head)
  try #require(isWhole)
  return (head, bytes)
}

extension [UInt8] {
  func text(_ range: ByteRange) -> String {
    String(decoding: self[range.lowerBound..<range.upperBound], as: UTF8.self)
  }
}

/// A request that is refused, and why.
struct RefusedRequest: Sendable, CustomTestStringConvertible {
  let input: String
  let reason: Reason

  init(_ input: String, _ reason: Reason) {
    self.input = input
    self.reason = reason
  }

  /// A request for `/` with these lines, each without its CRLF, beside a good Host.
  init(lines: String..., reason: Reason) {
    input = "POST / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    self.reason = reason
  }

  var testDescription: String { "\(input.debugDescription): \(reason.rawValue)" }

  /// Records an issue unless the request is refused for its reason, whole and byte by byte.
  func check(scheme: Scheme = .http, sourceLocation: SourceLocation = #_sourceLocation) {
    let bytes = Array(input.utf8)
    #expect(requestOutcome(bytes, scheme: scheme) == .refused(reason), sourceLocation: sourceLocation)
    let pieces = byteByByte(bytes) { requestOutcome($0, scheme: scheme) }
    #expect(pieces == .refused(reason), "byte by byte", sourceLocation: sourceLocation)
  }
}
