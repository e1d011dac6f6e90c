import HTTP
import Reason

/// SECURITY H-1 to H-16: a request head is read alike however it arrives, and stays inside its bytes.
enum RequestHeadsTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    var head = RequestHead(fieldsMax: 100)
    let whole = outcome(input, &head)
    try checkBeginnings(input, whole)
    guard case .whole(let length) = whole else { return .refused }
    try require(length > 0 && length <= input.count && length <= limits.headBytesMax, "it ends inside the bytes")
    try checkRanges(head, input, length)
    try checkFraming(head, input)
    for line in head.fields { try check(line, input, length) }
    return .accepted
  }

  private static let limits = HeadLimits(headBytesMax: 1024, fieldsMax: 20, targetBytesMax: 256)

  private enum HeadOutcome: Equatable {
    case incomplete
    case whole(Int)
    case refused(Reason)
  }

  private static func outcome(_ bytes: Span<UInt8>, _ head: inout RequestHead) -> HeadOutcome {
    do throws(HeadError) {
      let isWhole = try RequestHeadParser.parse(bytes, from: 0, limits: limits, scheme: .http, into: &head)
      return isWhole ? .whole(head.length) : .incomplete
    } catch {
      return .refused(error.reason)
    }
  }

  /// Each beginning is incomplete until one is not, and from there on all are as the whole is.
  private static func checkBeginnings(_ input: Span<UInt8>, _ whole: HeadOutcome) throws(Violation) {
    var head = RequestHead(fieldsMax: 100)
    var isDecided = false
    // Every beginning of a short head, some of a long one.
    for count in stride(from: 0, through: input.count, by: max(1, input.count / 128)) {
      let beginning = outcome(input.extracting(0..<count), &head)
      let isAlike = beginning == whole || (beginning == .incomplete && !isDecided)
      try require(isAlike, "it is read alike however it arrives: \(beginning) of \(count) bytes, then \(whole)")
      isDecided = isDecided || beginning != .incomplete
    }
    guard case .whole(let length) = whole else { return }
    try require(outcome(input.extracting(0..<length), &head) == whole, "what follows a head makes no difference")
    try require(outcome(input.extracting(0..<(length - 1)), &head) == .incomplete, "its last byte is needed")
  }

  private static func checkRanges(_ head: RequestHead, _ input: Span<UInt8>, _ length: Int) throws(Violation) {
    for range in [head.method, head.target, head.path, head.query, head.authority, head.host] {
      try require(range.lowerBound <= range.upperBound && range.upperBound <= length, "each range is inside the head")
    }
    try require(!head.method.isEmpty && !head.target.isEmpty && !head.host.isEmpty, "it has method, target and host")
    try require(head.path.lowerBound >= head.target.lowerBound, "the path is in the target")
    try require(head.path.upperBound == head.query.lowerBound, "the query follows the path")
    try require(head.query.upperBound == head.target.upperBound, "the query ends the target")
    for index in head.target.lowerBound..<head.target.upperBound {
      try require(input[index] > 0x20 && input[index] < 0x7F, "a target is visible ASCII")
    }
    let method = Array(copying: input.extracting(head.method.lowerBound..<head.method.upperBound))
    try require(!["CONNECT", "TRACE"].contains { method.elementsEqual($0.utf8) }, "neither CONNECT nor TRACE")
    try require(head.host.lowerBound >= head.authority.lowerBound, "the host is in the authority")
    try require(head.host.upperBound <= head.authority.upperBound, "the host is in the authority")
  }

  /// SECURITY H-1 to H-5, counted once more.
  private static func checkFraming(_ head: RequestHead, _ input: Span<UInt8>) throws(Violation) {
    let lengths = lines(named: "content-length", head, input)
    let codings = lines(named: "transfer-encoding", head, input)
    try require(lines(named: "host", head, input).count == 1, "it has one Host")
    try require(head.authorizationCount == lines(named: "authorization", head, input).count, "they are counted")
    try require(lengths.isEmpty || codings.isEmpty, "a body has one framing")
    switch head.bodyFraming {
    case .none: try require(codings.isEmpty && lengths.allSatisfy { UInt64($0) == 0 }, "no framing means no body")
    case .length(let length): try require(lengths.map { UInt64($0) } == [length], "the length is the field's")
    case .chunked:
      try require(codings.map { $0.lowercased() } == ["chunked"] && head.version == .http11, "chunks are asked for")
    case .untilClose: throw Violation("a request does not end with its connection")
    }
  }

  private static func lines(named name: String, _ head: RequestHead, _ input: Span<UInt8>) -> [String] {
    head.fields.filter { text($0.name, input).lowercased() == name }.map { text($0.value, input) }
  }

  private static func text(_ range: ByteRange, _ input: Span<UInt8>) -> String {
    String(decoding: Array(copying: input.extracting(range.lowerBound..<range.upperBound)), as: UTF8.self)
  }

  private static func check(_ line: FieldLine, _ input: Span<UInt8>, _ length: Int) throws(Violation) {
    try require(!line.name.isEmpty && line.value.upperBound <= length, "a field line is inside the head")
    try require(line.name.upperBound < line.value.lowerBound || line.value.isEmpty, "a name is before its value")
    try require(input[line.name.upperBound] == UInt8(ascii: ":"), "a colon follows the name")
    for index in line.name.lowerBound..<line.name.upperBound {
      try require(input[index] > 0x20 && input[index] < 0x7F, "a name is a token")
    }
    for index in line.value.lowerBound..<line.value.upperBound {
      try require(![0, 0x0A, 0x0D].contains(input[index]), "a value has no CR, LF or NUL")
    }
    guard !line.value.isEmpty else { return }
    for place in [line.value.lowerBound, line.value.upperBound - 1] {
      try require(input[place] != 0x20 && input[place] != 0x09, "a value has no white space around it")
    }
  }
}
