/// Where something is kept that ends: a sign-in, or a session. Several processes may end what one of them began.
public protocol EndingStore: AnyObject, Sendable {
  typealias Completion<Value: Sendable> = @Sendable (Result<Value, StoreFault>) -> Void

  /// What was ended while loops may still know it, or access tokens of it may be good.
  func ended(now: Int64, completion: @escaping Completion<[EndedSignIn]>)

  /// Calls `changed`, on the store's queue, when another process has written: it may have ended something. The latest
  /// call counts.
  func watch(every interval: Duration, changed: @escaping @Sendable () -> Void)
}
