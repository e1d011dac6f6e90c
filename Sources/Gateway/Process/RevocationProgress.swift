/// What of revocations the loops were told, and who waits until all of them refuse it.
struct RevocationProgress {
  private struct Waiting {
    /// How many loops do not know yet.
    var loops: Int
    let known: () -> Void
  }

  private var generation: UInt64 = 0
  /// By the generation that the loops are told.
  private var untold: [UInt64: Waiting] = [:]

  /// Of what the loops are told next.
  mutating func nextGeneration() -> UInt64 {
    generation += 1
    return generation
  }

  /// - Parameter known: To be called once all `loops` know of that generation.
  mutating func wait(for generation: UInt64, loops: Int, known: @escaping () -> Void) {
    untold[generation] = Waiting(loops: loops, known: known)
  }

  /// A loop refuses what is revoked in that generation.
  ///
  /// - Returns: Whom to tell, where it was the last one.
  mutating func loopKnows(_ generation: UInt64) -> (() -> Void)? {
    guard var waiting = untold.removeValue(forKey: generation) else { return nil }
    waiting.loops -= 1
    guard waiting.loops > 0 else { return waiting.known }
    untold[generation] = waiting
    return nil
  }
}
