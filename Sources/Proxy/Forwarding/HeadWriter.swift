import HTTP
import Sockets

/// Writes a message head into a block, and notices when it does not fit.
struct HeadWriter: ~Copyable {
  private var buffer: Buffer
  private var hasOverflowed = false

  /// - Parameter buffer: What is appended to.
  init(_ buffer: consuming Buffer) { self.buffer = buffer }

  /// Whether everything fitted, with room behind it for the framing of a body.
  var fits: Bool { !hasOverflowed && buffer.writableCount >= Limits.chunkFramingBytesMax }

  /// The block, with what was written.
  consuming func finish() -> Buffer { buffer }

  private mutating func hasRoom(_ count: Int) -> Bool {
    if count <= buffer.writableCount { return true }
    hasOverflowed = true
    return false
  }

  mutating func write(_ bytes: Span<UInt8>) {
    if hasRoom(bytes.count) { buffer.append(bytes) }
  }

  mutating func write(_ bytes: Span<UInt8>, _ range: ByteRange) {
    if hasRoom(range.count) { buffer.append(bytes, from: range.lowerBound, to: range.upperBound) }
  }

  mutating func write(_ text: StaticString) {
    if hasRoom(text.utf8CodeUnitCount) { buffer.append(text) }
  }

  mutating func write(_ byte: UInt8) {
    if hasRoom(1) { buffer.append(byte) }
  }

  /// `name: value` as it was received.
  mutating func write(_ bytes: Span<UInt8>, line: FieldLine) {
    // Most senders write exactly `name: value` CRLF: one copy.
    let start = line.name.lowerBound
    let end = line.value.upperBound
    if !line.value.isEmpty, line.value.lowerBound == line.name.upperBound + 2, end + 2 <= bytes.count,
      bytes[line.name.upperBound + 1] == UInt8(ascii: " "), bytes[end] == 0x0D, bytes[end + 1] == 0x0A
    {
      if hasRoom(end + 2 - start) { buffer.append(bytes, from: start, to: end + 2) }
      return
    }
    write(bytes, line.name)
    write(": ")
    write(bytes, line.value)
    write("\r\n")
  }

  /// The fields that ask for another protocol, or switch to it (RFC 9110 §7.8).
  mutating func write(_ upgrade: UpgradeRequest) {
    write("Connection: Upgrade\r\nUpgrade: ")
    write(upgrade.name.span)
    write("\r\n")
  }

  /// In decimal digits.
  mutating func write(decimal value: UInt64) {
    if hasRoom(Buffer.decimalDigits(of: value)) { buffer.append(decimal: value) }
  }

  /// In 16 lower-case hexadecimal digits.
  mutating func write(hexadecimal value: UInt64) {
    if hasRoom(16) { buffer.append(hexadecimal: value) }
  }
}
