internal import Dispatch
internal import Synchronization

/// Sign-ins in a file (SQLite), which several processes may use at once.
///
/// All work is done on one queue. What waits there is done in one transaction, and acknowledged when that is on the
/// disk: the more there is to do, the less does the disk cost each.
public final class SQLiteSignInStore: SignInStore, @unchecked Sendable {
  /// Something to do in a transaction.
  private struct Work: Sendable {
    /// What says the result, for when the transaction has ended.
    let run: @Sendable (SignInTable) throws(StoreFault) -> Report
    let fail: @Sendable (StoreFault) -> Void
    /// Seconds since 1970, of what writes.
    let now: Int64?
  }

  private typealias Report = @Sendable () -> Void

  private struct Waiting {
    var work: [Work] = []
    var isScheduled = false
  }

  private let queue = DispatchQueue(label: "sign-ins")
  private let waiting = Mutex(Waiting())
  // Of the queue alone.
  private let database: SQLiteDatabase
  private let table: SignInTable
  private var nextDeletion: Int64 = 0
  private var timer: (any DispatchSourceTimer)?
  private var dataVersion: Int64 = 0

  /// As many are done in one transaction: none waits for long, and another process has its turn.
  private static let groupMax = 512
  private static let deletionEvery: Int64 = 60

  /// Opens the file; makes it, and its folder, where there is none. Blocks.
  ///
  /// - Throws: Where somebody else could read it, it is no file of this program's, or of a newer version of it.
  public init(path: String) throws(StoreFault) {
    database = try SQLiteDatabase(path: path)
    do throws(StoreFault) {
      table = try SignInTable(database)
      dataVersion = try database.number("PRAGMA data_version")
    } catch {
      throw StoreFault("\(path): \(error)")
    }
  }

  deinit { timer?.cancel() }

  // MARK: SignInStore

  public func begin(_ record: SignInRecord, hash: RefreshTokenHash, completion: @escaping Completion<Void>) {
    enqueue(now: record.authenticatedAt, completion) { table throws(StoreFault) in try table.insert(record, hash) }
  }

  public func refresh(
    hash: RefreshTokenHash, provider: String, replacement: [UInt8], now: Int64, terms: RefreshTerms,
    deadline: ContinuousClock.Instant, completion: @escaping Completion<RefreshOutcome>
  ) {
    enqueue(now: now, completion) { table throws(StoreFault) in
      guard ContinuousClock.now < deadline else { return .abandoned }
      return try table.refresh(hash, provider: provider, replacement: replacement, now: now, terms)
    }
  }

  public func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(id: id, provider: provider, now: now)
    }
  }

  public func endAll(subject: String, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(subject: subject, provider: provider, now: now)
    }
  }

  public func list(
    provider: String, subject: String?, now: Int64, completion: @escaping Completion<[SignInRecord]>
  ) {
    enqueue(now: nil, completion) { table throws(StoreFault) in
      try table.list(provider: provider, subject: subject, now: now)
    }
  }

  public func ended(now: Int64, completion: @escaping Completion<[EndedSignIn]>) {
    enqueue(now: nil, completion) { table throws(StoreFault) in try table.ended(now: now) }
  }

  public func watch(every interval: Duration, changed: @escaping @Sendable () -> Void) {
    queue.async { [self] in
      timer?.cancel()
      let source = DispatchSource.makeTimerSource(queue: queue)
      let (seconds, attoseconds) = interval.components
      let milliseconds = Int(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
      source.schedule(deadline: .now() + .milliseconds(milliseconds), repeating: .milliseconds(max(milliseconds, 10)))
      source.setEventHandler { [weak self] in self?.look(changed) }
      timer = source
      source.activate()
    }
  }

  // MARK: The queue

  /// SQLite says another number where another process has written, which costs a look into shared memory.
  private func look(_ changed: () -> Void) {
    guard let version = try? database.number("PRAGMA data_version"), version != dataVersion else { return }
    dataVersion = version
    changed()
  }

  private func enqueue<Value: Sendable>(
    now: Int64?, _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (SignInTable) throws(StoreFault) -> Value
  ) {
    let work = Work(
      run: { table throws(StoreFault) in
        let value = try body(table)
        return { completion(.success(value)) }
      }, fail: { completion(.failure($0)) }, now: now)
    let isFirst = waiting.withLock { waiting in
      waiting.work.append(work)
      defer { waiting.isScheduled = true }
      return !waiting.isScheduled
    }
    if isFirst { queue.async { [self] in doWhatWaits() } }
  }

  private func doWhatWaits() {
    let (group, isMore) = waiting.withLock { waiting in
      let group = Array(waiting.work.prefix(SQLiteSignInStore.groupMax))
      waiting.work.removeFirst(group.count)
      waiting.isScheduled = !waiting.work.isEmpty
      return (group, waiting.isScheduled)
    }
    // Behind what was asked meanwhile: the queue has a timer too.
    if isMore { queue.async { [self] in doWhatWaits() } }
    do throws(StoreFault) {
      for report in try commit(group) { report() }
    } catch {
      guard group.count > 1 else {
        group.first?.fail(error)
        return
      }
      // One may be at fault for all.
      for work in group {
        do throws(StoreFault) {
          for report in try commit([work]) { report() }
        } catch {
          work.fail(error)
        }
      }
    }
    if let now = group.compactMap(\.now).max() { deleteExpired(now: now) }
  }

  /// Does all of it, or nothing; what it says is on the disk when this returns.
  private func commit(_ group: [Work]) throws(StoreFault) -> [Report] {
    do throws(StoreFault) {
      try database.run("BEGIN IMMEDIATE")
      var reports: [Report] = []
      for work in group { reports.append(try work.run(table)) }
      try database.run("COMMIT")
      return reports
    } catch {
      if database.isInTransaction { try? database.run("ROLLBACK") }
      throw error
    }
  }

  /// A few rows at a time: whoever waits does so for milliseconds. What fails here is tried again.
  private func deleteExpired(now: Int64) {
    guard now >= nextDeletion else { return }
    let isMore = (try? table.deleteExpired(now: now)) ?? false
    nextDeletion = isMore ? now : now.addingSaturated(SQLiteSignInStore.deletionEvery)
  }
}
