import HTTP

/// Writes `name` and value pairs as one line: JSON or logfmt. Any bytes become one parseable line of UTF-8 (SECURITY L-1).
struct LineEncoder {
  enum Format: Sendable { case json, logfmt }

  /// Bytes of a value that are written; a longer one ends in `…`.
  static let valueBytesMax = 2048

  let format: Format
  private(set) var line: [UInt8] = []
  private var isFirst = true

  init(_ format: Format) {
    self.format = format
    line.reserveCapacity(16 * 1024)
  }

  mutating func begin() {
    line.removeAll(keepingCapacity: true)
    isFirst = true
    if format == .json { line.append(UInt8(ascii: "{")) }
  }

  mutating func end() {
    if format == .json { line.append(UInt8(ascii: "}")) }
    line.append(0x0A)
  }

  mutating func add(_ name: String, _ number: Int64) {
    key(name)
    if number < 0 { line.append(UInt8(ascii: "-")) }
    decimal(number.magnitude)
  }

  mutating func add(_ name: String, _ number: UInt64) {
    key(name)
    decimal(number)
  }

  mutating func add(_ name: String, time nanoseconds: Int64) {
    key(name)
    if format == .json { line.append(UInt8(ascii: "\"")) }
    Timestamp.append(nanoseconds, to: &line)
    if format == .json { line.append(UInt8(ascii: "\"")) }
  }

  mutating func add(_ name: String, hexadecimal high: UInt64, _ low: UInt64) {
    key(name)
    if format == .json { line.append(UInt8(ascii: "\"")) }
    hexadecimal(high)
    hexadecimal(low)
    if format == .json { line.append(UInt8(ascii: "\"")) }
  }

  mutating func add(_ name: String, _ bytes: Span<UInt8>) {
    key(name)
    if format == .logfmt, LineEncoder.isBare(bytes) {
      for index in bytes.indices { line.append(bytes[index]) }
      return
    }
    line.append(UInt8(ascii: "\""))
    escaped(bytes)
    line.append(UInt8(ascii: "\""))
  }

  mutating func add(_ name: String, _ text: String) {
    var text = text
    text.makeContiguousUTF8()
    add(name, text.utf8Span.span)
  }

  // MARK: Pieces

  private mutating func key(_ name: String) {
    if !isFirst { line.append(format == .json ? UInt8(ascii: ",") : UInt8(ascii: " ")) }
    isFirst = false
    if format == .json { line.append(UInt8(ascii: "\"")) }
    let bytes = name.utf8Span.span
    for index in bytes.indices { line.append(bytes[index]) }
    if format == .json {
      line.append(UInt8(ascii: "\""))
      line.append(UInt8(ascii: ":"))
    } else {
      line.append(UInt8(ascii: "="))
    }
  }

  private mutating func decimal(_ number: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var index = 20
    var rest = number
    repeat {
      index -= 1
      digits[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    for place in index..<20 { line.append(digits[place]) }
  }

  private mutating func hexadecimal(_ value: UInt64) {
    for shift in stride(from: UInt64(60), through: 0, by: -4) { digit(UInt8(truncatingIfNeeded: value >> shift & 0xF)) }
  }

  private mutating func digit(_ value: UInt8) {
    line.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
  }

  /// What needs no quotes in logfmt.
  private static func isBare(_ bytes: Span<UInt8>) -> Bool {
    guard !bytes.isEmpty, bytes.count <= valueBytesMax else { return false }
    for index in bytes.indices {
      let byte = bytes[index]
      if byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "=") { return false }
    }
    return true
  }

  /// Both formats quote as JSON does (RFC 8259 §7); what is no UTF-8 becomes U+FFFD.
  private mutating func escaped(_ bytes: Span<UInt8>) {
    var index = 0
    let count = min(bytes.count, LineEncoder.valueBytesMax)
    while index < count {
      let byte = bytes[index]
      if byte < 0x80 {
        ascii(byte)
        index += 1
        continue
      }
      let length = UTF8Sequence.length(bytes, index, count)
      guard length > 0 else {
        line.append(contentsOf: [0xEF, 0xBF, 0xBD])
        index += 1
        continue
      }
      // C1 controls, and the separators that some readers take for line ends.
      if byte == 0xC2, bytes[index + 1] < 0xA0 {
        unicodeEscape(UInt16(bytes[index + 1]))
      } else if byte == 0xE2, bytes[index + 1] == 0x80, bytes[index + 2] & 0xFE == 0xA8 {
        unicodeEscape(0x2000 | UInt16(bytes[index + 2] & 0x3F))
      } else {
        for offset in 0..<length { line.append(bytes[index + offset]) }
      }
      index += length
    }
    if bytes.count > count { line.append(contentsOf: [0xE2, 0x80, 0xA6]) }
  }

  private mutating func ascii(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      line.append(UInt8(ascii: "\\"))
      line.append(byte)
    case 0..<0x20, 0x7F: unicodeEscape(UInt16(byte))
    default: line.append(byte)
    }
  }

  private mutating func unicodeEscape(_ value: UInt16) {
    line.append(UInt8(ascii: "\\"))
    line.append(UInt8(ascii: "u"))
    for shift in stride(from: UInt16(12), through: 0, by: -4) { digit(UInt8(truncatingIfNeeded: value >> shift & 0xF)) }
  }
}

/// Well-formed UTF-8 (RFC 3629 §4).
enum UTF8Sequence {
  /// Bytes of the sequence of two or more at `index`; 0 where it is none.
  static func length(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> Int {
    let lead = bytes[index]
    var lower: UInt8 = 0x80
    var upper: UInt8 = 0xBF
    let length: Int
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF:
      length = 3
      if lead == 0xE0 { lower = 0xA0 }
      if lead == 0xED { upper = 0x9F }
    case 0xF0...0xF4:
      length = 4
      if lead == 0xF0 { lower = 0x90 }
      if lead == 0xF4 { upper = 0x8F }
    default: return 0
    }
    guard index + length <= end, bytes[index + 1] >= lower, bytes[index + 1] <= upper else { return 0 }
    for offset in 2..<max(length, 2) where bytes[index + offset] & 0xC0 != 0x80 { return 0 }
    return length
  }
}
