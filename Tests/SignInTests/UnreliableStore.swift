import State
import Synchronization

/// A store of sessions whose renewals fail for a while, or that does nothing for a while.
final class UnreliableStore: SessionStore {
  private let store: SQLiteSessionStore
  private let failures = Mutex(0)
  /// What waits; nil: nothing has to.
  private let held = Mutex<[@Sendable () -> Void]?>(nil)

  init(_ store: SQLiteSessionStore) { self.store = store }

  /// The next `count` renewals fail.
  func renewalsFail(_ count: Int) { failures.withLock { $0 = count } }

  /// From now on nothing is looked up, spent or ended.
  func hold() { held.withLock { $0 = [] } }

  /// Does what was asked meanwhile.
  func goOn() {
    let waiting = held.withLock { held in
      defer { held = nil }
      return held ?? []
    }
    for work in waiting { work() }
  }

  /// How many wait.
  var heldCount: Int { held.withLock { $0?.count ?? 0 } }

  private func whenItGoesOn(_ work: @escaping @Sendable () -> Void) {
    let isHeld = held.withLock { held in
      guard held != nil else { return false }
      held?.append(work)
      return true
    }
    if !isHeld { work() }
  }

  func renew(_ record: SessionRecord, hash: [UInt8], found: Int64, completion: @escaping Completion<Bool>) {
    let fails = failures.withLock { failures in
      guard failures > 0 else { return false }
      failures -= 1
      return true
    }
    if fails { return completion(.failure(StoreFault("the disk is full"))) }
    store.renew(record, hash: hash, found: found, completion: completion)
  }

  func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, origin: SessionOrigin,
    completion: @escaping Completion<[String]?>
  ) { store.begin(record, hash: hash, former: former, origin: origin, completion: completion) }

  func find(
    hash: [UInt8], provider: String, now: Int64, idleSeconds: Int64, completion: @escaping Completion<SessionRecord?>
  ) {
    whenItGoesOn { [store] in
      store.find(hash: hash, provider: provider, now: now, idleSeconds: idleSeconds, completion: completion)
    }
  }

  func end(hash: [UInt8], provider: String, now: Int64, completion: @escaping Completion<SessionRecord?>) {
    whenItGoesOn { [store] in store.end(hash: hash, provider: provider, now: now, completion: completion) }
  }

  func endAll(_ order: SessionsEnd, provider: String, now: Int64, completion: @escaping Completion<[String]?>) {
    store.endAll(order, provider: provider, now: now, completion: completion)
  }

  func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    store.end(id: id, provider: provider, now: now, completion: completion)
  }

  func endAll(subject: String?, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    store.endAll(subject: subject, provider: provider, now: now, completion: completion)
  }

  func list(
    provider: String, subject: String?, now: Int64, idleSeconds: Int64,
    completion: @escaping Completion<[ListedSession]>
  ) { store.list(provider: provider, subject: subject, now: now, idleSeconds: idleSeconds, completion: completion) }

  func spend(hash: [UInt8], until: Int64, now: Int64, completion: @escaping Completion<Bool>) {
    whenItGoesOn { [store] in store.spend(hash: hash, until: until, now: now, completion: completion) }
  }

  func revoke(token id: String, provider: String, until: Int64, now: Int64, completion: @escaping Completion<Void>) {
    store.revoke(token: id, provider: provider, until: until, now: now, completion: completion)
  }

  func newlyEnded(completion: @escaping Completion<[EndedSignIn]>) { store.newlyEnded(completion: completion) }

  func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void
  ) {
    store.watch(every: interval, changed: changed, failed: failed)
  }
}
