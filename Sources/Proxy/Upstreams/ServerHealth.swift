/// Whether a server is up, from the results of its checks.
struct ServerHealth {
  private let rise: Int
  private let fall: Int
  private(set) var isUp = true
  /// Results in a row that say otherwise.
  private var contrary = 0
  private var isFirst = true

  /// Up until a check says otherwise, which the first one may do alone: a server that is down when the gateway starts is
  /// not given requests until it has failed `fall` times.
  init(rise: Int, fall: Int) {
    self.rise = rise
    self.fall = fall
  }

  /// Notes a result.
  ///
  /// - Returns: Whether it changes `isUp`.
  mutating func note(passed: Bool) -> Bool {
    let needed = isUp ? (isFirst ? 1 : fall) : rise
    isFirst = false
    guard passed != isUp else {
      contrary = 0
      return false
    }
    contrary += 1
    guard contrary >= needed else { return false }
    contrary = 0
    isUp.toggle()
    return true
  }
}
