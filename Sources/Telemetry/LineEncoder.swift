import HTTP
import Sockets

/// Writes `name` and value pairs as one line: JSON or logfmt. Any bytes become one parseable line of UTF-8 (SECURITY L-1).
struct LineEncoder: ~Copyable {
  enum Format: Sendable { case json, logfmt }

  /// Bytes of a value that are written; a longer one ends in `…`.
  static let valueBytesMax = 2048
  /// What one byte of a value becomes at most: `\u001f`.
  private static let escapedBytesMax = 6
  /// Of a name with its quotes, a number or a time, and what is between them.
  private static let pairBytesMax = 128
  /// What a line may have.
  static let pairsMax = 32

  let format: Format
  /// Large enough for the longest line; pages that no line reaches cost nothing.
  private var line = Buffer(capacity: pairsMax * (valueBytesMax * escapedBytesMax + pairBytesMax))
  private var time = Timestamp()

  init(_ format: Format) { self.format = format }

  /// What was written since `begin`.
  func withLine<Result>(_ body: (Span<UInt8>) -> Result) -> Result { line.withReadable(body) }

  /// Begins a line with its time, in nanoseconds since 1970.
  mutating func begin(at nanoseconds: Int64) {
    line.clear()
    line.append(format == .json ? "{\"time\":\"" : "time=")
    time.write(nanoseconds)
    let bytes = time.bytes
    line.append(bytes.span)
    if format == .json { quote() }
  }

  mutating func end() {
    if format == .json { line.append("}") }
    line.append("\n")
  }

  @inline(__always)
  mutating func add(_ name: StaticString, _ number: Int64) {
    key(name)
    if number < 0 { line.append("-") }
    line.append(decimal: number.magnitude)
  }

  @inline(__always)
  mutating func add(_ name: StaticString, _ number: UInt64) {
    key(name)
    line.append(decimal: number)
  }

  @inline(__always)
  mutating func add(_ name: StaticString, hexadecimal high: UInt64, _ low: UInt64) {
    quotedKey(name)
    line.append(hexadecimal: high)
    line.append(hexadecimal: low)
    if format == .json { quote() }
  }

  @inline(__always)
  mutating func add(_ name: StaticString, _ bytes: Span<UInt8>) {
    quotedKey(name)
    write(bytes)
  }

  /// Writes what follows `quotedKey`.
  private mutating func write(_ bytes: Span<UInt8>) {
    if format == .logfmt {
      if LineEncoder.isBare(bytes) {
        line.append(bytes)
        return
      }
      quote()
    }
    if bytes.count <= LineEncoder.valueBytesMax, LineEncoder.isPlain(bytes) {
      line.append(bytes)
    } else {
      escape(bytes)
    }
    quote()
  }

  /// - Parameter text: A JSON text on one line, of `valueBytesMax` bytes at most. logfmt has it as it has any text.
  @inline(__always)
  mutating func add(_ name: StaticString, json text: Span<UInt8>) {
    guard format == .json else { return add(name, text) }
    key(name)
    line.append(text)
  }

  @inline(__always)
  mutating func add(_ name: StaticString, _ text: String) {
    add(name, text.utf8Span.span)
  }

  // MARK: Pieces

  // Inlined with `add`, so that the size of each name is known where it is copied.
  @inline(__always)
  private mutating func key(_ name: StaticString) {
    if format == .json { line.append(",\"", name, "\":") } else { line.append(" ", name, "=") }
  }

  /// As `key`, with the quote before the value where the format always has one.
  @inline(__always)
  private mutating func quotedKey(_ name: StaticString) {
    if format == .json { line.append(",\"", name, "\":\"") } else { line.append(" ", name, "=") }
  }

  private mutating func quote() { line.append(UInt8(ascii: "\"")) }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  /// Whether no byte has to be escaped between quotes.
  static func isPlain(_ bytes: Span<UInt8>) -> Bool {
    var others: UInt8 = 0
    // Without an early exit, so that the compiler looks at many bytes at a time.
    for index in bytes.indices {
      let byte = bytes[index]
      others |= byte &- 0x20 >= 0x5F ? 1 : 0
      others |= byte == UInt8(ascii: "\"") ? 1 : 0
      others |= byte == UInt8(ascii: "\\") ? 1 : 0
    }
    return others == 0
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
  private mutating func escape(_ bytes: Span<UInt8>) {
    var index = 0
    let end = min(bytes.count, LineEncoder.valueBytesMax)
    while index < end {
      let byte = bytes[index]
      if byte < 0x80 {
        ascii(byte)
        index += 1
        continue
      }
      let length = UTF8Sequence.length(bytes, index, end)
      guard length > 0 else {
        line.append("\u{FFFD}")
        index += 1
        continue
      }
      // C1 controls, and the separators that some readers take for line ends.
      if byte == 0xC2, bytes[index + 1] < 0xA0 {
        unicodeEscape(UInt16(bytes[index + 1]))
      } else if byte == 0xE2, bytes[index + 1] == 0x80, bytes[index + 2] & 0xFE == 0xA8 {
        unicodeEscape(0x2000 | UInt16(bytes[index + 2] & 0x3F))
      } else {
        line.append(bytes.extracting(index..<index + length))
      }
      index += length
    }
    if bytes.count > end {
      line.append("…")
    }
  }

  private mutating func ascii(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      line.append("\\")
      line.append(byte)
    case 0..<0x20, 0x7F: unicodeEscape(UInt16(byte))
    default: line.append(byte)
    }
  }

  private mutating func unicodeEscape(_ value: UInt16) {
    line.append("\\u")
    for shift in stride(from: UInt16(12), through: 0, by: -4) {
      line.append(LineEncoder.digit(UInt8(truncatingIfNeeded: value >> shift & 0xF)))
    }
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
