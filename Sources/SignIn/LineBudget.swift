import Sockets

/// Lets so many lines be written at once, and counts those after them: a flood of them says no more than its number.
struct LineBudget {
  private let most: Int
  private let pause: Duration
  private var since: MonotonicTime?
  private var spent = 0
  private var leftOut = 0
  /// When the pause began in which the first of them was left out.
  private var leftOutSince: MonotonicTime?

  /// - Parameters:
  ///   - most: Lines within `pause`.
  ///   - pause: After it there is room for as many again.
  init(most: Int, pause: Duration) {
    self.most = most
    self.pause = pause
  }

  /// Whether a line may be written; otherwise it is counted.
  mutating func spend(at now: MonotonicTime) -> Bool {
    if since.map({ now >= $0 + pause }) ?? true {
      since = now
      spent = 0
    }
    guard spent < most else {
      if leftOut == 0 { leftOutSince = since }
      leftOut += 1
      return false
    }
    spent += 1
    return true
  }

  /// How many lines were left out, once a pause is over, whether or not there are more; 0: none, or it is too soon.
  mutating func takeLeftOut(at now: MonotonicTime) -> Int {
    guard leftOut > 0, leftOutSince.map({ now >= $0 + pause }) ?? true else { return 0 }
    defer { leftOut = 0 }
    return leftOut
  }
}
