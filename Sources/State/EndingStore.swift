/// Where something is kept that ends: a sign-in, or a session. Several processes may end what one of them began.
public protocol EndingStore: AnyObject, Sendable {
  typealias Completion<Value: Sendable> = @Sendable (Result<Value, StoreFault>) -> Void

  /// What was ended since this was last answered, by whatever process, in that order; the first time all that loops may
  /// have to know. What could not be read is told the next time.
  func newlyEnded(completion: @escaping Completion<[EndedSignIn]>)

  /// Remembers that a single token is good no more.
  ///
  /// - Parameters:
  ///   - id: Its `jti`.
  ///   - until: Until when that has to be known: seconds since 1970.
  func revoke(token id: String, provider: String, until: Int64, now: Int64, completion: @escaping Completion<Void>)

  /// Calls `changed`, on the store's queue, when another process has written: it may have ended something. The latest
  /// call counts.
  ///
  /// - Parameter failed: Called, on the store's queue, with what goes wrong where nobody waits for it: what has expired
  ///   could not be deleted.
  func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void)
}
