/// Which messages about a fault that comes and goes are worth a line: where it begins and where it ends, and at most one
/// such pair in a pause. What is left out is counted, and a fault that lasts is said in the end.
public struct FaultReport: Sendable {
  /// Between two beginnings that are said, unless another one is asked for.
  public static let pause: Duration = .seconds(60)

  private let pause: Duration
  private var saidAt: MonotonicTime?
  private var isThere = false
  private var isSaid = false
  /// Beginnings since the last one that was said.
  private var beginnings = 0

  /// - Parameter pause: The shortest time between two beginnings that are said.
  public init(pause: Duration = FaultReport.pause) { self.pause = pause }

  /// The fault is there: called when it begins, and again while it lasts, as it may have begun too soon to be said.
  ///
  /// - Returns: How often it has begun since that was last said, this time included; nil: there is nothing to say.
  public mutating func failed(at now: MonotonicTime) -> Int? {
    if !isThere { beginnings += 1 }
    isThere = true
    if isSaid { return nil }
    if let saidAt, now < saidAt + pause { return nil }
    saidAt = now
    isSaid = true
    defer { beginnings = 0 }
    return beginnings
  }

  /// The fault is over.
  ///
  /// - Returns: Whether that is to be said: its beginning was.
  public mutating func succeeded() -> Bool {
    defer {
      isThere = false
      isSaid = false
    }
    return isSaid
  }

  /// A fault that has no end, as each is one of its own.
  ///
  /// - Returns: As of `failed`.
  public mutating func happened(at now: MonotonicTime) -> Int? {
    defer { _ = succeeded() }
    return failed(at: now)
  }

  /// What `happened` has left out, once its pause is over: asked now and then, as no other may come to bring it along.
  ///
  /// - Returns: How many there were since that was last said; nil: none, or it is too soon.
  public mutating func leftOut(at now: MonotonicTime) -> Int? {
    guard beginnings > 0, saidAt.map({ now >= $0 + pause }) ?? true else { return nil }
    saidAt = now
    defer { beginnings = 0 }
    return beginnings
  }
}
