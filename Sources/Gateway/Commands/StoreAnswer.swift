import Dispatch
import State
import Synchronization

/// Waits for what a store calls back.
final class StoreAnswer<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, StoreFault>?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  static func wait(
    _ body: (@escaping @Sendable (Result<Value, StoreFault>) -> Void) -> Void
  ) throws(StoreFault) -> Value {
    let answer = StoreAnswer()
    body { result in
      answer.result.withLock { $0 = result }
      answer.isThere.signal()
    }
    answer.isThere.wait()
    guard let result = answer.result.withLock({ $0 }) else { throw StoreFault("no answer") }
    return try result.get()
  }
}
