/// Sizes as `gateway.conf` writes them: a whole number of bytes, or with `KiB`, `MiB` or `GiB`.
enum SizeText {
  private static let units: [(suffix: String, bytes: Int)] = [
    ("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
  ]

  /// nil where `text` is no size.
  static func parse(_ text: String) -> Int? {
    for unit in units where text.hasSuffix(unit.suffix) {
      guard let count = WholeNumber.parse(text.dropLast(unit.suffix.count)).flatMap(Int.init(exactly:)) else {
        continue
      }
      let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
      return overflow ? nil : bytes
    }
    return nil
  }

  /// In the largest unit that leaves a whole number.
  static func write(_ bytes: Int) -> String {
    let unit = bytes == 0 ? units[0] : units.last { bytes % $0.bytes == 0 } ?? units[0]
    return "\(bytes / unit.bytes)\(unit.suffix)"
  }

  /// A size, or `none` where there is no limit.
  static func writeLimit(_ bytes: UInt64?) -> String { bytes.map { write(Int(clamping: $0)) } ?? "none" }
}
