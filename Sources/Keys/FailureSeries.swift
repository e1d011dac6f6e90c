internal import Fetch
internal import Sockets

/// Fetches that failed in a row, and which of them are worth a line in the log.
struct FailureSeries {
  private(set) var count = 0
  private(set) var beganAt: MonotonicTime?
  private var last: KeyFault?
  private var saidAt: MonotonicTime?
  private var gap = FailureSeries.shortestGap
  private var changesSaid = 0

  /// Between two lines about the same failure; twice as long each time.
  private static let shortestGap: Duration = .seconds(60)
  private static let longestGap: Duration = .seconds(3600)
  /// Of failures that alternate only so many are said before they count as the same one.
  static let changesMax = 5

  /// Counts one.
  ///
  /// - Returns: Whether it is to be said: the first, one that is of another kind than the one before, and the others
  ///   with growing gaps.
  mutating func add(_ fault: KeyFault, at now: MonotonicTime) -> Bool {
    count += 1
    if beganAt == nil { beganAt = now }
    let isOther = last.map { !$0.isSameKind(as: fault) } ?? false
    last = fault
    guard let saidAt else {
      self.saidAt = now
      return true
    }
    if isOther, changesSaid < FailureSeries.changesMax {
      changesSaid += 1
      self.saidAt = now
      return true
    }
    guard saidAt + gap <= now else { return false }
    gap = min(gap * 2, FailureSeries.longestGap)
    self.saidAt = now
    return true
  }
}

extension KeyFault {
  /// Whether an operator would say that it is the same failure: libcurl's words have times and counts in them that
  /// differ.
  fileprivate func isSameKind(as other: KeyFault) -> Bool {
    if case .fetch(.failed(let text)) = self, case .fetch(.failed(let otherText)) = other {
      return text.filter { !$0.isNumber } == otherText.filter { !$0.isNumber }
    }
    return description == other.description
  }
}
