import ArgumentParser
import HTTP
import Tokens

/// Moments as people write them.
enum TimeText {
  /// RFC 3339, UTC: `2026-01-31T08:49:37Z`; outside the years 1970 to 9999 the seconds.
  static func text(_ time: UnixSeconds) -> String {
    guard (0...253_402_300_799).contains(time) else { return "\(time)" }
    let date = CivilDate(daysSince1970: time / 86_400)
    let second = Int(time % 86_400)
    let day = "\(date.year)-\(padded(date.month))-\(padded(date.day))"
    return day + "T\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60))Z"
  }

  private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// Seconds since 1970, or RFC 3339 in UTC to the second: the one that `text` writes. nil for anything else.
  static func parse(_ text: String) -> UnixSeconds? {
    if let seconds = Int64(text) { return (-(1 << 40)...(1 << 40)).contains(seconds) ? seconds : nil }
    let bytes = Array(text.utf8)
    guard bytes.count == 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
      bytes[19] == UInt8(ascii: "Z"), let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
      let second = number(bytes[17..<19]), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
      second < 60
    else { return nil }
    let time = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    // The 31st of a shorter month would be another day.
    return self.text(time) == text ? time : nil
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    return value
  }

  /// Days since 1970-01-01 in the proleptic Gregorian calendar.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    // Years that begin in March: the leap day is their last.
    let year = month <= 2 ? year - 1 : year
    let month = (month + 9) % 12
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
  }
}

/// A moment as an option.
struct MomentArgument: ExpressibleByArgument {
  let time: UnixSeconds

  init?(argument: String) {
    guard let time = TimeText.parse(argument) else { return nil }
    self.time = time
  }
}
