public import HTTP
import JSON

/// A line of the access log, JSON or logfmt, as the gateway writes it: where in it the fields are that say what was
/// decided about whom. A text is made only of fields that are asked for.
public struct AccessLine: Sendable {
  /// The fields that are found; all others are skipped.
  public enum Field: Int, Sendable {
    case time, requestID, client, method, host, path, route, status, reason, provider, subject, claims, upstream
    /// The text of a program message.
    case message
  }

  private var values = InlineArray<14, Value>(repeating: Value())

  private struct Value: Sendable {
    /// Without quotes.
    var range = ByteRange.empty
    var isThere = false
    var isEscaped = false
  }

  /// Parses a line, without its line feed; nil where it is neither of the access log nor a program message.
  public init?(_ line: Span<UInt8>) {
    guard line.count > 1 else { return nil }
    let isWhole = line[0] == UInt8(ascii: "{") ? readJSON(line) : readLogfmt(line)
    let time = range(.time)
    guard isWhole, Timestamp.seconds(line.extracting(time.lowerBound..<time.upperBound)) != nil,
      isMessage || (has(.status) && has(.requestID))
    else { return nil }
  }

  /// Whether it is a program message.
  public var isMessage: Bool { has(.message) && !has(.status) }

  /// Whether the line has the field.
  public func has(_ field: Field) -> Bool { values[field.rawValue].isThere }

  /// Where the field's value is in the line, as it is written there, without quotes; empty where there is none.
  public func range(_ field: Field) -> ByteRange { values[field.rawValue].range }

  /// Whether those bytes are the value itself, without escapes.
  public func isPlain(_ field: Field) -> Bool { !values[field.rawValue].isEscaped }

  /// Whether the value is, or may be, only the beginning of a longer one.
  ///
  /// - Parameter line: The line that this was made from.
  public func isCut(_ field: Field, in line: Span<UInt8>) -> Bool {
    let range = values[field.rawValue].range
    guard values[field.rawValue].isThere, range.upperBound - range.lowerBound >= LineLimits.valueBytesMax - 3,
      let text = text(field, in: line)
    else { return false }
    // A character of up to four bytes that did not fit whole is left out.
    return text.hasSuffix("…") && text.utf8.count >= LineLimits.valueBytesMax
  }

  /// The value; nil where there is none, or it is malformed.
  ///
  /// - Parameter line: The line that this was made from.
  public func text(_ field: Field, in line: Span<UInt8>) -> String? {
    let value = values[field.rawValue]
    guard value.isThere else { return nil }
    if value.isEscaped {
      return try? JSON.parse(line.extracting(value.range.lowerBound - 1..<value.range.upperBound + 1)).string
    }
    let bytes = line.extracting(value.range.lowerBound..<value.range.upperBound)
    return try? String(copying: UTF8Span(validating: bytes))
  }

  // MARK: Reading

  private mutating func readJSON(_ line: Span<UInt8>) -> Bool {
    let end = line.count
    var index = AccessLine.skipSpace(line, 1)
    while index < end {
      guard line[index] == UInt8(ascii: "\"") else { return false }
      let name = index + 1
      index = name
      while index < end, line[index] != UInt8(ascii: "\"") { index += 1 }
      let nameEnd = index
      index = AccessLine.skipSpace(line, index + 1)
      guard index < end, line[index] == UInt8(ascii: ":") else { return false }
      index = AccessLine.skipSpace(line, index + 1)
      guard let value = AccessLine.readJSONValue(line, &index), keep(value, line, name, nameEnd) else { return false }
      index = AccessLine.skipSpace(line, index)
      guard index < end else { return false }
      if line[index] == UInt8(ascii: "}") { return AccessLine.skipSpace(line, index + 1) == end }
      guard line[index] == UInt8(ascii: ",") else { return false }
      index = AccessLine.skipSpace(line, index + 1)
    }
    return false
  }

  /// The value at `index`, which is behind it then.
  private static func readJSONValue(_ line: Span<UInt8>, _ index: inout Int) -> Value? {
    guard index < line.count else { return nil }
    switch line[index] {
    case UInt8(ascii: "\""): return readQuoted(line, &index)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      let start = index
      var depth = 0
      while index < line.count {
        switch line[index] {
        case UInt8(ascii: "\""):
          guard readQuoted(line, &index) != nil else { return nil }
          continue
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
        index += 1
        if depth == 0 { return Value(range: ByteRange(start, index), isThere: true) }
      }
      return nil
    default:
      let start = index
      while index < line.count, line[index] != UInt8(ascii: ","), line[index] != UInt8(ascii: "}") { index += 1 }
      return Value(range: ByteRange(start, index), isThere: true)
    }
  }

  /// What stands between the quote at `index` and the one that closes it, behind which `index` is then.
  private static func readQuoted(_ line: Span<UInt8>, _ index: inout Int) -> Value? {
    let start = index + 1
    var isEscaped = false
    index = start
    while index < line.count, line[index] != UInt8(ascii: "\"") {
      if line[index] == UInt8(ascii: "\\") {
        isEscaped = true
        index += 1
      }
      index += 1
    }
    guard index < line.count else { return nil }
    index += 1
    return Value(range: ByteRange(start, index - 1), isThere: true, isEscaped: isEscaped)
  }

  private mutating func readLogfmt(_ line: Span<UInt8>) -> Bool {
    var index = 0
    while index < line.count {
      let name = index
      while index < line.count, line[index] != UInt8(ascii: "=") { index += 1 }
      guard index < line.count else { return false }
      let nameEnd = index
      index += 1
      let value: Value
      if index < line.count, line[index] == UInt8(ascii: "\"") {
        guard let quoted = AccessLine.readQuoted(line, &index) else { return false }
        value = quoted
      } else {
        let start = index
        while index < line.count, line[index] != UInt8(ascii: " ") { index += 1 }
        value = Value(range: ByteRange(start, index), isThere: true)
      }
      guard keep(value, line, name, nameEnd) else { return false }
      guard index < line.count else { return true }
      guard line[index] == UInt8(ascii: " ") else { return false }
      index += 1
    }
    return false
  }

  private static func skipSpace(_ line: Span<UInt8>, _ start: Int) -> Int {
    var index = start
    while index < line.count, line[index] == UInt8(ascii: " ") { index += 1 }
    return index
  }

  /// - Returns: False where the field was there before: what is said twice is said by nobody of ours.
  private mutating func keep(_ value: Value, _ line: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
    guard let field = AccessLine.field(line, start, end) else { return true }
    if values[field.rawValue].isThere { return false }
    values[field.rawValue] = value
    return true
  }

  /// The field of that name, where it is one that is looked at.
  private static func field(_ line: Span<UInt8>, _ start: Int, _ end: Int) -> Field? {
    guard end - start >= 4, end - start <= 10 else { return nil }
    let candidate: Field
    switch (end - start, line[start]) {
    case (4, UInt8(ascii: "t")): candidate = .time
    case (4, UInt8(ascii: "h")): candidate = .host
    case (4, UInt8(ascii: "p")): candidate = .path
    case (5, UInt8(ascii: "r")): candidate = .route
    case (6, UInt8(ascii: "c")): candidate = line[start + 2] == UInt8(ascii: "i") ? .client : .claims
    case (6, UInt8(ascii: "m")): candidate = .method
    case (6, UInt8(ascii: "s")): candidate = .status
    case (6, UInt8(ascii: "r")): candidate = .reason
    case (7, UInt8(ascii: "s")): candidate = .subject
    case (7, UInt8(ascii: "m")): candidate = .message
    case (8, UInt8(ascii: "p")): candidate = .provider
    case (8, UInt8(ascii: "u")): candidate = .upstream
    case (10, UInt8(ascii: "r")): candidate = .requestID
    default: return nil
    }
    let name = names[candidate.rawValue]
    for index in 0..<name.count where line[start + index] != name[index] { return nil }
    return candidate
  }

  /// By `Field`.
  private static let names: [[UInt8]] = [
    "time", "request_id", "client", "method", "host", "path", "route", "status", "reason", "provider", "subject",
    "claims", "upstream", "message",
  ].map { [UInt8]($0.utf8) }
}
