internal import Dispatch
internal import Synchronization

/// A store's tables, used inside transactions.
protocol SQLiteTable: SendableMetatype {
  /// What has ended of it.
  var ended: EndedTable { get }

  /// - Throws: Where the database is another program's, or of a newer version.
  init(_ database: SQLiteDatabase) throws(StoreFault)

  /// Deletes some of what is of no use any more; true where there may be more.
  func deleteExpired(now: Int64) throws(StoreFault) -> Bool
}

/// A database in a file that several processes may use at once.
///
/// All work is done on one queue. What waits there is done in one transaction, and acknowledged when that is on the
/// disk: the more there is to do, the less does the disk cost each.
final class SQLiteWriter<Table: SQLiteTable>: @unchecked Sendable {
  typealias Completion<Value: Sendable> = @Sendable (Result<Value, StoreFault>) -> Void

  /// Something to do in a transaction.
  private struct Work: Sendable {
    /// What says the result, for when the transaction has ended.
    let run: @Sendable (Table) throws(StoreFault) -> Report
    let fail: @Sendable (StoreFault) -> Void
    /// Seconds since 1970, of what writes; nil: it reads alone.
    let now: Int64?
  }

  private typealias Report = @Sendable () -> Void

  private struct Waiting {
    var work: [Work] = []
    var isScheduled = false
  }

  private let queue: DispatchQueue
  private let waiting = Mutex(Waiting())
  // Of the queue alone.
  private let database: SQLiteDatabase
  private let table: Table
  private var nextDeletion: Int64 = 0
  /// Told of what goes wrong where nobody waits for it; nil: nobody watches.
  private var failed: (@Sendable (StoreFault) -> Void)?
  private var timer: (any DispatchSourceTimer)?
  private var dataVersion: Int64 = 0
  /// Whether this process has written since it last looked.
  private var hasWritten = false
  /// The number of what was told last of all that has ended.
  private var lastEnded: Int64 = 0

  /// As many are done in one transaction: none waits for long, and another process has its turn.
  private static var groupMax: Int { 512 }
  private static var deletionEvery: Int64 { 60 }

  /// Opens the file; makes it, and its folder, where there is none. Blocks.
  ///
  /// - Parameter name: Of the queue, for debuggers.
  /// - Throws: Where somebody else could read it, it is no file of this program's, or of a newer version of it.
  init(path: String, name: String) throws(StoreFault) {
    queue = DispatchQueue(label: name)
    database = try SQLiteDatabase(path: path)
    do throws(StoreFault) {
      table = try Table(database)
      dataVersion = try database.number("PRAGMA data_version")
    } catch {
      throw StoreFault("\(path): \(error)")
    }
  }

  deinit { timer?.cancel() }

  /// Whether `path` leads to its file, however it is spelled.
  func isAt(_ path: String) -> Bool { database.isAt(path) }

  /// Deletes the file, where there was none before, and nobody else has it open or has written to it. Blocks. To be used no
  /// more then.
  func discard() {
    queue.sync { [self] in
      guard (try? database.number("PRAGMA data_version")) == dataVersion else { return }
      database.discard()
    }
  }

  /// Calls `changed`, on the queue, when something was written, here or by another process, and when that cannot be told.
  ///
  /// - Parameter failed: Called, on the queue, with what goes wrong where nobody waits for it.
  func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void
  ) {
    queue.async { [self] in
      self.failed = failed
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

  /// SQLite says another number where another process has written, which costs a look into shared memory. It says
  /// nothing of what was written here, of which not everybody tells the loops: a session may end because it was idle.
  private func look(_ changed: () -> Void) {
    // Where even that fails, so does what `changed` asks, and that says why.
    let version = try? currentVersion()
    guard hasWritten || version == nil || version != dataVersion else { return }
    dataVersion = version ?? dataVersion
    hasWritten = false
    changed()
  }

  private func currentVersion() throws(StoreFault) -> Int64 {
    try database.checkIsThere()
    return try database.number("PRAGMA data_version")
  }

  /// Says what was ended since it last did.
  func newlyEnded(_ completion: @escaping Completion<[EndedSignIn]>) {
    let told: Completion<(ended: [EndedSignIn], last: Int64)> = { [self] result in
      // Not before: what failed was not told.
      if case .success(let found) = result { lastEnded = max(lastEnded, found.last) }
      completion(result.map(\.ended))
    }
    enqueue(now: nil, told) { [self] table throws(StoreFault) in try table.ended.list(after: lastEnded) }
  }

  /// Does `body` in a transaction, and says what came of it when that is on the disk.
  ///
  /// - Parameter now: Seconds since 1970, of what writes; nil: it reads alone, and waits for no other process that writes.
  ///   What writes all the same would fail at once where another does.
  func enqueue<Value: Sendable>(
    now: Int64?, _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (Table) throws(StoreFault) -> Value
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
      let group = Array(waiting.work.prefix(Self.groupMax))
      waiting.work.removeFirst(group.count)
      waiting.isScheduled = !waiting.work.isEmpty
      return (group, waiting.isScheduled)
    }
    // Behind what was asked meanwhile: the queue has a timer too.
    if isMore { queue.async { [self] in doWhatWaits() } }
    do throws(StoreFault) {
      for report in try commit(group) { report() }
    } catch {
      guard group.count > 1, !error.isBusy else {
        for work in group { work.fail(error) }
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
    try database.checkIsThere()
    do throws(StoreFault) {
      // Who only reads waits for no other process that writes.
      if group.allSatisfy({ $0.now == nil }) {
        try database.run("BEGIN")
      } else {
        try database.run("BEGIN IMMEDIATE")
      }
      var reports: [Report] = []
      for work in group { reports.append(try work.run(table)) }
      try database.run("COMMIT")
      if group.contains(where: { $0.now != nil }) { hasWritten = true }
      return reports
    } catch {
      if database.isInTransaction { try? database.run("ROLLBACK") }
      throw error
    }
  }

  /// A few rows at a time: whoever waits does so for milliseconds. What fails here is said, as the file grows, and tried
  /// again.
  private func deleteExpired(now: Int64) {
    // A clock that was ahead, and is set back, puts nothing off.
    guard now >= nextDeletion || nextDeletion > now.addingSaturated(Self.deletionEvery) else { return }
    var isMore = false
    do throws(StoreFault) {
      isMore = try table.deleteExpired(now: now)
    } catch {
      failed?(StoreFault("what has expired could not be deleted: \(error)"))
    }
    nextDeletion = isMore ? now : now.addingSaturated(Self.deletionEvery)
  }
}

extension Int64 {
  /// Times may come from a file that somebody else wrote.
  func subtractingSaturated(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  func addingSaturated(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
