import HTTP

/// Moments as the log writes them: RFC 3339, UTC, with microseconds: `2026-01-31T08:49:37.000123Z`.
public struct Timestamp {
  private(set) var bytes = InlineArray<27, UInt8>(repeating: 0)
  /// The second that `bytes` says, since 1970: what changes most of the time is behind the point.
  private var second = Int64.min

  init() {}

  public static func text(_ nanosecondsSince1970: Int64) -> String {
    var timestamp = Timestamp()
    timestamp.write(nanosecondsSince1970)
    let bytes = timestamp.bytes
    return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
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
    var rest = number
    for index in stride(from: start + width - 1, through: start, by: -1) {
      bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }
}
