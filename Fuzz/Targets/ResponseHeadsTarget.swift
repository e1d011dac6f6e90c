import HTTP
import Reason

/// SECURITY U-2: a response's head is read alike however it arrives, and has one framing.
enum ResponseHeadsTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    var head = ResponseHead(fieldsMax: 100)
    let whole = outcome(input, .get, &head)
    try checkBeginnings(input, whole)
    guard case .whole(let length) = whole else { return .refused }
    try require(length > 0 && length <= input.count && length <= limits.headBytesMax, "it ends inside the bytes")
    try require((100...599).contains(head.status), "its status is one")
    try checkFraming(head, input)
    for line in head.fields {
      try require(!line.name.isEmpty && line.value.upperBound <= length, "a field line is inside the head")
      for index in line.value.lowerBound..<line.value.upperBound {
        try require(![0, 0x0A, 0x0D].contains(input[index]), "a value has no CR, LF or NUL")
      }
    }
    for index in head.reasonPhrase.lowerBound..<head.reasonPhrase.upperBound {
      try require(![0, 0x0A, 0x0D].contains(input[index]), "a reason phrase has no CR, LF or NUL")
    }
    _ = outcome(input, .head, &head)
    try require(head.bodyFraming == .none, "an answer to HEAD has no body")
    return .accepted
  }

  private static let limits = HeadLimits(headBytesMax: 1024, fieldsMax: 20, targetBytesMax: 1024)

  private enum HeadOutcome: Equatable {
    case incomplete
    case whole(Int)
    case refused
  }

  private static func outcome(_ bytes: Span<UInt8>, _ method: HTTP.Method, _ head: inout ResponseHead) -> HeadOutcome {
    do throws(HeadError) {
      let isWhole = try ResponseHeadParser.parse(bytes, from: 0, limits: limits, answering: method, into: &head)
      return isWhole ? .whole(head.length) : .incomplete
    } catch {
      return .refused
    }
  }

  private static func checkBeginnings(_ input: Span<UInt8>, _ whole: HeadOutcome) throws(Violation) {
    var head = ResponseHead(fieldsMax: 100)
    var isDecided = false
    for count in stride(from: 0, through: input.count, by: max(1, input.count / 128)) {
      let beginning = outcome(input.extracting(0..<count), .get, &head)
      let isAlike = beginning == whole || (beginning == .incomplete && !isDecided)
      try require(isAlike, "it is read alike however it arrives: \(beginning) of \(count) bytes, then \(whole)")
      isDecided = isDecided || beginning != .incomplete
    }
  }

  private static func checkFraming(_ head: ResponseHead, _ input: Span<UInt8>) throws(Violation) {
    let lengths = lines(named: "content-length", head, input)
    let codings = lines(named: "transfer-encoding", head, input)
    try require(lengths.isEmpty || codings.isEmpty, "a body has one framing")
    if head.status < 200 || head.status == 204 || head.status == 304 {
      try require(head.bodyFraming == .none, "such an answer has no body")
      return
    }
    switch head.bodyFraming {
    case .none: throw Violation("such an answer has a body")
    case .length(let length): try require(lengths.map { UInt64($0) } == [length], "the length is the field's")
    case .chunked: try require(codings.map { $0.lowercased() } == ["chunked"], "chunks are announced")
    case .untilClose: try require(lengths.isEmpty && codings.isEmpty, "nothing else says where it ends")
    }
  }

  private static func lines(named name: String, _ head: ResponseHead, _ input: Span<UInt8>) -> [String] {
    head.fields.filter { text($0.name, input).lowercased() == name }.map { text($0.value, input) }
  }

  private static func text(_ range: ByteRange, _ input: Span<UInt8>) -> String {
    String(decoding: Array(copying: input.extracting(range.lowerBound..<range.upperBound)), as: UTF8.self)
  }
}
