import Admin
import Telemetry

/// What the loops are being asked, for operators: what they have counted.
struct ReportGathering {
  /// Who waits until all of them have said.
  private var waiting: [@Sendable (AdminReport) -> Void] = []
  private var loopsMissing = 0
  private var gathered = AdminReport()

  /// Whoever asks while the loops are being asked gets what comes of that.
  ///
  /// - Returns: Whether they are to be asked.
  mutating func add(_ completion: @escaping @Sendable (AdminReport) -> Void) -> Bool {
    waiting.append(completion)
    return waiting.count == 1
  }

  /// - Parameter census: What is counted elsewhere than on the loops.
  mutating func begin(loops: Int, census: TokenCensus) {
    loopsMissing = loops
    gathered = AdminReport()
    gathered.census = census
  }

  /// A loop has said what it has counted.
  ///
  /// - Returns: What all of them have, where it was the last one.
  mutating func add(_ traffic: LoopTraffic) -> AdminReport? {
    gathered.add(traffic)
    loopsMissing -= 1
    guard loopsMissing == 0 else { return nil }
    defer { gathered = AdminReport() }
    return gathered
  }

  mutating func takeWaiting() -> [@Sendable (AdminReport) -> Void] {
    defer { waiting = [] }
    return waiting
  }
}
