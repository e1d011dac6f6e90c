/// A store of something that ends: sign-ins or sessions. Several processes may end what one of them began.
public protocol EndingStore: AnyObject, Sendable {
  /// Called once with the result, on a queue of the store's.
  typealias Completion<Value: Sendable> = @Sendable (Result<Value, StoreFault>) -> Void

  /// Gives what was ended, by any process, since the last call that succeeded, in that order; the first call gives all
  /// that loops may have to know.
  func newlyEnded(completion: @escaping Completion<[EndedSignIn]>)

  /// Remembers that a single token is no longer valid.
  ///
  /// - Parameters:
  ///   - id: Its `jti`.
  ///   - until: Until when that must be known, in seconds since 1970.
  ///   - now: Seconds since 1970.
  func revoke(token id: String, provider: String, until: Int64, now: Int64, completion: @escaping Completion<Void>)

  /// Calls `changed`, on the store's queue, when this process or another has written: something may have ended. The
  /// latest call of `watch` counts.
  ///
  /// - Parameters:
  ///   - interval: How often to look.
  ///   - failed: Called, on the store's queue, with failures that no completion is given: what has expired could not be
  ///     deleted.
  func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void)
}
