import Sockets

/// Lets so many lines be written at once, and counts those after them: a flood of them says no more than its number.
struct LineBudget {
  private let most: Int
  private let pause: Duration
  private var since: MonotonicTime?
  private var spent = 0
  private var leftOut = 0

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
      leftOut += 1
      return false
    }
    spent += 1
    return true
  }

  /// How many lines were left out, once there is room again; 0: none, or it is too soon.
  mutating func takeLeftOut(at now: MonotonicTime) -> Int {
    guard leftOut > 0, since.map({ now >= $0 + pause }) ?? true else { return 0 }
    defer { leftOut = 0 }
    return leftOut
  }
}
