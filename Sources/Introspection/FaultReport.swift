internal import Sockets

/// Says of a failing issuer what an operator wants to know, and not a line for each request.
struct FaultReport {
  static let pause: Duration = .seconds(60)

  private var saidAt: MonotonicTime?
  private var isSaid = false

  /// Whether a failure is worth a message.
  mutating func failed(at now: MonotonicTime) -> Bool {
    if let saidAt, now < saidAt + FaultReport.pause { return false }
    saidAt = now
    isSaid = true
    return true
  }

  /// Whether an answer is worth a message: after a failure that was told.
  mutating func succeeded() -> Bool {
    defer { isSaid = false }
    return isSaid
  }
}
