/// How far the process is on its way to its end. Each event returns the step that is to be taken because of it; nil if
/// there is none.
struct Shutdown {
  enum Step {
    /// Say that the process ends, and accept connections on for `timeouts.drain_delay`.
    case announce
    /// Accept no more connections, and let exchanges end.
    case drain
    /// Have every loop accept no more connections, and end the exchanges that are still under way.
    case cut
    /// Export what is left of traces and metrics.
    case export
    case exit
  }

  enum Cause: String {
    case drained
    case handedOver = "handed over"
    case interrupted
    case timedOut = "timeouts.drain is over"
  }

  /// In their order. The process may skip some, and never goes back.
  private enum Phase: Comparable {
    case serving, delaying, draining, cutting, exporting, exiting
  }

  private var phase = Phase.serving
  private(set) var cause = Cause.drained
  /// Loops that have open connections.
  private var loopsToDrain: Int
  /// Loops whose exchanges have not been cut.
  private var loopsToCut: Int

  init(loops: Int) {
    loopsToDrain = loops
    loopsToCut = loops
  }

  var hasBegun: Bool { phase > .serving }

  /// Whether no exchange is under way any more.
  var exchangesHaveEnded: Bool { phase > .cutting }

  /// The process is asked to end (SIGTERM).
  mutating func terminate() -> Step? { begin(.delaying, .drained) ? .announce : nil }

  /// `timeouts.drain_delay` is over.
  mutating func delayIsOver() -> Step? {
    guard phase == .delaying else { return nil }
    phase = .draining
    return .drain
  }

  /// The process is asked to end, and more urgently each time (SIGINT).
  mutating func interrupt() -> Step? {
    switch phase {
    case .serving: terminate()
    case .delaying, .draining: cut(.interrupted)
    // It does not take long, and only then does each exchange have its access line.
    case .cutting: nil
    case .exporting: exit()
    case .exiting: nil
    }
  }

  /// Another process accepts connections from now on.
  ///
  /// - Returns: False if the shutdown had begun before.
  mutating func handOver() -> Bool { begin(.draining, .handedOver) }

  /// `timeouts.drain` is over.
  mutating func timeOut() -> Step? { phase < .cutting ? cut(.timedOut) : nil }

  /// The last connection of a loop has closed.
  mutating func loopDrained() -> Step? {
    loopsToDrain -= 1
    return loopsToDrain == 0 ? export() : nil
  }

  /// A loop has ended its exchanges.
  mutating func loopCut() -> Step? {
    loopsToCut -= 1
    return loopsToCut == 0 ? export() : nil
  }

  /// What was left has been exported, or could not be in time.
  mutating func exported() -> Step? { exit() }

  private mutating func begin(_ first: Phase, _ cause: Cause) -> Bool {
    guard phase == .serving else { return false }
    phase = first
    self.cause = cause
    return true
  }

  private mutating func cut(_ cause: Cause) -> Step? {
    phase = .cutting
    self.cause = cause
    return .cut
  }

  private mutating func export() -> Step? {
    guard !exchangesHaveEnded else { return nil }
    phase = .exporting
    return .export
  }

  private mutating func exit() -> Step? {
    guard phase < .exiting else { return nil }
    phase = .exiting
    return .exit
  }
}
