import Sockets

/// How far the export of traces and metrics is.
struct ExportProgress {
  /// Whether it is looked each second for what is to be exported.
  private var isGoingOn = false
  /// nil: not yet.
  private var metricsExportedAt: MonotonicTime?
  /// Loops whose last spans are not here yet.
  private var loopsMissing = 0

  /// - Returns: False where it goes on already.
  mutating func begin() -> Bool {
    guard !isGoingOn else { return false }
    isGoingOn = true
    return true
  }

  mutating func end() { isGoingOn = false }

  /// Whether metrics are to be sent, which are taken to be sent then.
  mutating func metricsAreDue(every interval: Duration, at now: MonotonicTime) -> Bool {
    if let metricsExportedAt, now < metricsExportedAt + interval { return false }
    metricsExportedAt = now
    return true
  }

  /// As many loops are asked for their last spans.
  mutating func awaitLoops(_ count: Int) { loopsMissing = count }

  /// - Returns: Whether it was the last one.
  mutating func loopAnswered() -> Bool {
    loopsMissing -= 1
    return loopsMissing == 0
  }
}
