/// Module `Telemetry`: the access log: one line for every exchange, written without making a request wait.
/// May import: HTTP, Tokens, Access, Sockets, Reason.
/// Never does: block a loop, or write a token, a cookie or a query.

import HTTP

/// Moments as the log writes them.
public enum Timestamp {
  /// RFC 3339, UTC, with microseconds: `2026-01-31T08:49:37.000123Z`.
  public static func text(_ nanosecondsSince1970: Int64) -> String {
    var bytes: [UInt8] = []
    append(nanosecondsSince1970, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  static func append(_ nanosecondsSince1970: Int64, to output: inout [UInt8]) {
    let seconds = nanosecondsSince1970 / 1_000_000_000
    let microseconds = Int(nanosecondsSince1970 % 1_000_000_000) / 1000
    let days = seconds / 86_400
    let date = CivilDate(daysSince1970: days)
    let second = Int(seconds - days * 86_400)
    append(Int(date.year), width: 4, &output)
    output.append(UInt8(ascii: "-"))
    append(date.month, width: 2, &output)
    output.append(UInt8(ascii: "-"))
    append(date.day, width: 2, &output)
    output.append(UInt8(ascii: "T"))
    append(second / 3600, width: 2, &output)
    output.append(UInt8(ascii: ":"))
    append(second / 60 % 60, width: 2, &output)
    output.append(UInt8(ascii: ":"))
    append(second % 60, width: 2, &output)
    output.append(UInt8(ascii: "."))
    append(microseconds, width: 6, &output)
    output.append(UInt8(ascii: "Z"))
  }

  private static func append(_ number: Int, width: Int, _ output: inout [UInt8]) {
    var divisor = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
      output.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }
}
