/// A part of a whole for people: `3 %`, `0.2 %`, and never 0 where there is something.
public enum ShareText {
  /// - Parameter total: Of what `count` are some; 0: of nothing. More than all of it is all.
  public static func text(_ count: UInt64, of total: UInt64) -> String {
    guard count > 0, total > 0 else { return "-" }
    let percent = Double(min(count, total)) / Double(total) * 100
    if percent < 0.1 { return "< 0.1 %" }
    return percent < 10 ? "\((percent * 10).rounded() / 10) %" : "\(Int(percent.rounded())) %"
  }
}
