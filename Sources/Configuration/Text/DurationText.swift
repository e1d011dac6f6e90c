/// Durations as `gateway.conf` writes them: a whole number and `ms`, `s`, `m`, `h` or `d`.
public enum DurationText {
  private static let units: [(suffix: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// nil where `text` is no duration, or one that no clock could count.
  public static func parse(_ text: String) -> Duration? {
    // "ms" before "m" and "s": the first suffix that leaves digits alone is the unit.
    for unit in units where text.hasSuffix(unit.suffix) {
      guard let count = WholeNumber.parse(text.dropLast(unit.suffix.count)) else { continue }
      let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
      return overflow ? nil : .milliseconds(milliseconds)
    }
    return text == "0" ? .zero : nil
  }

  /// In the largest unit that leaves a whole number.
  static func write(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    if milliseconds == 0 { return "0s" }
    let unit = units.last { milliseconds % $0.milliseconds == 0 } ?? units[0]
    return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
  }
}
