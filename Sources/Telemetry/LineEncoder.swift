import HTTP
import Sockets

/// Writes `name` and value pairs as one line. Any bytes become one parseable line of UTF-8 (SECURITY L-1).
struct LineEncoder<Format: LineFormat>: ~Copyable {
  /// Large enough for the longest line; pages that no line reaches cost nothing.
  private var line = Buffer(
    capacity: LineLimits.pairsMax
      * (LineLimits.valueBytesMax * LineLimits.escapedBytesMax + LineLimits.pairBytesMax))
  private var time = Timestamp()

  init() {}

  /// What was written since `begin`.
  func withLine<Result>(_ body: (Span<UInt8>) -> Result) -> Result { line.withReadable(body) }

  /// Begins a line with its time, in nanoseconds since 1970.
  mutating func begin(at nanoseconds: Int64) {
    line.clear()
    line.append(Format.isJSON ? "{\"time\":\"" : "time=")
    time.write(nanoseconds)
    let bytes = time.bytes
    line.append(bytes.span)
    if Format.isJSON { quote() }
  }

  mutating func end() {
    if Format.isJSON { line.append("}") }
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
    if Format.isJSON { quote() }
  }

  @inline(__always)
  mutating func add(_ name: StaticString, _ bytes: Span<UInt8>) {
    quotedKey(name)
    write(bytes)
  }

  /// Writes what follows `quotedKey`.
  private mutating func write(_ bytes: Span<UInt8>) {
    if !Format.isJSON {
      if LineEncoder.isBare(bytes) {
        line.append(bytes)
        return
      }
      quote()
    }
    if bytes.count > LineLimits.valueBytesMax || !line.append(ifPlain: bytes) { escape(bytes) }
    quote()
  }

  /// - Parameter text: A JSON text on one line, of `valueBytesMax` bytes at most. logfmt has it as it has any text.
  @inline(__always)
  mutating func add(_ name: StaticString, json text: Span<UInt8>) {
    guard Format.isJSON else { return add(name, text) }
    key(name)
    line.append(text)
  }

  @inline(__always)
  mutating func add(_ name: StaticString, _ text: String) {
    quotedKey(name)
    write(text)
  }

  /// - Parameter word: ASCII letters alone.
  @inline(__always)
  mutating func add(_ name: StaticString, word: StaticString) {
    quotedKey(name)
    line.append(word)
    if Format.isJSON { quote() }
  }

  private mutating func write(_ text: String) {
    guard Format.isJSON, text.utf8.count <= LineLimits.valueBytesMax, line.append(ifPlain: text) else {
      return write(text.utf8Span.span)
    }
    quote()
  }

  // MARK: Pieces

  // Inlined with `add`, so that the size of each name is known where it is copied.
  @inline(__always)
  private mutating func key(_ name: StaticString) {
    if Format.isJSON { line.append(",\"", name, "\":") } else { line.append(" ", name, "=") }
  }

  /// As `key`, with the quote before the value where the format always has one.
  @inline(__always)
  private mutating func quotedKey(_ name: StaticString) {
    if Format.isJSON { line.append(",\"", name, "\":\"") } else { line.append(" ", name, "=") }
  }

  private mutating func quote() { line.append(UInt8(ascii: "\"")) }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  /// What needs no quotes in logfmt.
  private static func isBare(_ bytes: Span<UInt8>) -> Bool {
    guard !bytes.isEmpty, bytes.count <= LineLimits.valueBytesMax else { return false }
    for index in bytes.indices {
      let byte = bytes[index]
      if byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "=") { return false }
    }
    return true
  }

  /// Both formats quote as JSON does (RFC 8259 §7); what is no UTF-8 becomes U+FFFD.
  private mutating func escape(_ bytes: Span<UInt8>) {
    var index = 0
    let end = min(bytes.count, LineLimits.valueBytesMax)
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
