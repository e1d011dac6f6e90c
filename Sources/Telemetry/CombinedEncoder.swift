import HTTP
import Sockets

/// Writes the line of an exchange in Apache's and nginx's Combined Log Format, for programs that read nothing else:
/// `client - subject [29/Nov/2026:06:07:43 +0000] "GET /path HTTP/1.1" 200 512 "-" "-"`.
///
/// Whatever is in it, a field ends where it is written to end (SECURITY L-1): a byte that is not visible ASCII, and `"`,
/// `\` and space, become `\xHH` in each.
struct CombinedEncoder: ~Copyable {
  /// What one byte of a value becomes at most: `\xHH`.
  private static let escapedBytesMax = 4
  /// Subject, method and path.
  private static let valuesMax = 3
  /// Of all else in a line.
  private static let restBytesMax = 512

  private var line = Buffer(capacity: valuesMax * LineLimits.valueBytesMax * escapedBytesMax + restBytesMax)
  private var time = Timestamp()

  /// What `encode` has written last.
  func withLine<Result>(_ body: (Span<UInt8>) -> Result) -> Result { line.withReadable(body) }

  mutating func encode(_ record: borrowing AccessRecord) {
    line.clear()
    if record.client.count > 0 { record.client.withBytes { add($0) } } else { line.append("-") }
    line.append(" - ")
    if let subject = record.subject { add(subject: subject) } else { line.append("-") }
    line.append(" [")
    add(time: record.startedAtNanoseconds)
    line.append("] \"")
    if record.method.isEmpty {
      line.append("-")
    } else {
      let text = record.text.span
      add(text.extracting(record.method.lowerBound..<record.method.upperBound))
      line.append(" ")
      if record.path.isEmpty { line.append("-") }
      add(text.extracting(record.path.lowerBound..<record.path.upperBound))
      line.append(" HTTP/1.1")
    }
    line.append("\" ")
    add("\(record.status)")
    line.append(" ")
    add("\(record.bytesOut)")
    line.append(" \"-\" \"-\"\n")
  }

  private mutating func add(_ text: String) {
    var text = text
    text.makeContiguousUTF8()
    add(text.utf8Span.span)
  }

  /// Nobody can be called what stands for nobody.
  private mutating func add(subject: String) {
    switch subject {
    case "": line.append("\"\"")
    case "-": line.append("\\x2D")
    default: add(subject)
    }
  }

  private mutating func add(_ bytes: Span<UInt8>) {
    for index in 0..<min(bytes.count, LineLimits.valueBytesMax) {
      let byte = bytes[index]
      if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        line.append(byte)
      } else {
        line.append("\\x")
        line.append(CombinedEncoder.digit(byte >> 4))
        line.append(CombinedEncoder.digit(byte & 0xF))
      }
    }
    if bytes.count > LineLimits.valueBytesMax { line.append("...") }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }

  /// `29/Nov/2026:06:07:43 +0000`, of the digits of `2026-11-29T06:07:43.000000Z`.
  private mutating func add(time nanoseconds: Int64) {
    time.write(nanoseconds)
    let bytes = time.bytes
    let digits = bytes.span
    line.append(digits.extracting(8..<10))
    line.append("/")
    line.append(CombinedEncoder.month(digits[5], digits[6]))
    line.append("/")
    line.append(digits.extracting(0..<4))
    line.append(":")
    line.append(digits.extracting(11..<19))
    line.append(" +0000")
  }

  private static func month(_ tens: UInt8, _ ones: UInt8) -> StaticString {
    switch (tens & 0xF) * 10 + (ones & 0xF) {
    case 1: "Jan"
    case 2: "Feb"
    case 3: "Mar"
    case 4: "Apr"
    case 5: "May"
    case 6: "Jun"
    case 7: "Jul"
    case 8: "Aug"
    case 9: "Sep"
    case 10: "Oct"
    case 11: "Nov"
    default: "Dec"
    }
  }
}
