import Dispatch
import State
import Synchronization

/// Waits for what a store calls back.
final class StoreCompletion<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, StoreFault>?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  static func wait(
    _ body: (@escaping @Sendable (Result<Value, StoreFault>) -> Void) -> Void
  ) throws(StoreFault) -> Value {
    let completion = StoreCompletion()
    body { result in
      completion.result.withLock { $0 = result }
      completion.isThere.signal()
    }
    completion.isThere.wait()
    guard let result = completion.result.withLock({ $0 }) else { throw StoreFault("no answer") }
    return try result.get()
  }
}
