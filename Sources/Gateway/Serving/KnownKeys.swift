import Keys
import Synchronization
import Tokens

/// A provider's keys as they are known now, for those who are not on the control loop.
final class KnownKeys: Sendable {
  typealias Completion = @Sendable (KeySet?) -> Void
  private struct State {
    var keySet: KeySet?
    /// Counts the provider's answers, good or not.
    var answers: UInt64 = 0
    var waiting: [Completion] = []
    /// Nothing will be said any more.
    var isOver = false
  }

  private let provider: String
  private let lookup: KeyLookup
  private let state = Mutex(State())

  init(provider: String, _ lookup: KeyLookup) {
    self.provider = provider
    self.lookup = lookup
  }

  var current: KeySet? { state.withLock { $0.keySet } }

  /// - Parameter completion: Called once, on the control loop, when the provider was asked, or may not be asked now.
  func ask(_ completion: @escaping Completion) {
    let (isFirst, isOver) = state.withLock { state in
      state.waiting.append(completion)
      return (state.waiting.count == 1, state.isOver)
    }
    if isOver { giveUp() } else if isFirst { beginLookup() }
  }

  /// Another configuration is in force, in which the same name may be another place's: who waits may wait for an answer
  /// that does not come any more.
  func askAgain() {
    if state.withLock({ !$0.waiting.isEmpty }) { beginLookup() }
  }

  /// The provider is gone: who waits, or asks from now on, goes on with the keys that there were.
  func end() {
    state.withLock { $0.isOver = true }
    giveUp()
  }

  private func beginLookup() {
    if !lookup.begin(provider) { giveUp() }
  }

  private func giveUp() {
    let (told, keySet) = state.withLock { state in
      defer { state.waiting = [] }
      return (state.waiting, state.keySet)
    }
    for completion in told { completion(keySet) }
  }

  func take(_ keys: ProviderKeys) {
    let told = state.withLock { state in
      state.keySet = keys.keySet
      guard state.answers != keys.answers else { return [Completion]() }
      state.answers = keys.answers
      defer { state.waiting = [] }
      return state.waiting
    }
    for completion in told { completion(keys.keySet) }
  }
}

/// Has the control loop look for other keys of a provider, which ends in an answer that `KnownKeys.take` is given.
final class KeyLookup: Sendable {
  /// The closure is in a structure, as a mutex that holds it alone would wrap it once more at each look.
  private struct Way {
    let look: @Sendable (_ provider: String) -> Void
  }

  private let way = Mutex<Way?>(nil)

  func set(_ look: @escaping @Sendable (_ provider: String) -> Void) { way.withLock { $0 = Way(look: look) } }

  /// False before there is a loop.
  func begin(_ provider: String) -> Bool {
    guard let way = way.withLock({ $0 }) else { return false }
    way.look(provider)
    return true
  }
}
