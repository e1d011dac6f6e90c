import HTTP

/// Moments as the log writes them: RFC 3339, UTC, with microseconds: `2026-01-31T08:49:37.000123Z`.
public struct Timestamp {
  private(set) var bytes = InlineArray<27, UInt8>(repeating: 0)
  /// The second that `bytes` says, since 1970: what changes most of the time is behind the point.
  private var second = Int64.min

  init() {}

  /// The text of a moment in nanoseconds since 1970, cut to microseconds. For the years 1970 to 9999.
  public static func text(_ nanosecondsSince1970: Int64) -> String {
    var timestamp = Timestamp()
    timestamp.write(nanosecondsSince1970)
    let bytes = timestamp.bytes
    return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
  }

  /// Reads such a text.
  ///
  /// - Returns: Seconds since 1970, the fraction cut off; nil where the text has another length, or no digits where
  ///   numbers are.
  public static func seconds(_ text: Span<UInt8>) -> Int64? {
    guard text.count == 27 else { return nil }
    func number(_ start: Int, _ width: Int) -> Int64? {
      var value: Int64 = 0
      for index in start..<start + width {
        guard text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(text[index] - UInt8(ascii: "0"))
      }
      return value
    }
    guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
      let minute = number(14, 2), let second = number(17, 2), (1...12).contains(month)
    else { return nil }
    // Years that begin in March end with the leap day.
    let shifted = month > 2 ? year : year - 1
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    return days * 86_400 + hour * 3600 + minute * 60 + second
  }

  /// Has `bytes` say that moment.
  mutating func write(_ nanosecondsSince1970: Int64) {
    let seconds = nanosecondsSince1970 / 1_000_000_000
    if seconds != second {
      writeDate(seconds)
      second = seconds
    }
    write(Int(nanosecondsSince1970 % 1_000_000_000) / 1000, at: 20, width: 6)
  }

  private mutating func writeDate(_ seconds: Int64) {
    let days = seconds / 86_400
    let date = CivilDate(daysSince1970: days)
    let time = Int(seconds - days * 86_400)
    write(Int(date.year), at: 0, width: 4)
    write(date.month, at: 5, width: 2)
    write(date.day, at: 8, width: 2)
    write(time / 3600, at: 11, width: 2)
    write(time / 60 % 60, at: 14, width: 2)
    write(time % 60, at: 17, width: 2)
    bytes[4] = UInt8(ascii: "-")
    bytes[7] = UInt8(ascii: "-")
    bytes[10] = UInt8(ascii: "T")
    bytes[13] = UInt8(ascii: ":")
    bytes[16] = UInt8(ascii: ":")
    bytes[19] = UInt8(ascii: ".")
    bytes[26] = UInt8(ascii: "Z")
  }

  private mutating func write(_ number: Int, at start: Int, width: Int) {
    // Of 32 bits, whose division is the cheaper one.
    var rest = UInt32(truncatingIfNeeded: number)
    var index = start + width
    while index > start {
      index -= 1
      bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }
}
