/// Sessions in a file (SQLite), which several processes may use at once.
public final class SQLiteSessionStore: SessionStore, Sendable {
  private let writer: SQLiteWriter<SessionTable>

  /// Opens the file; makes it, and its folder, where there is none. Blocks.
  ///
  /// - Throws: Where somebody else could read it, it is no file of this program's, or of a newer version of it.
  public init(path: String) throws(StoreFault) { writer = try SQLiteWriter(path: path, name: "sessions") }

  /// Whether `path` leads to its file, however it is spelled: one process opens a database once. Blocks.
  public func isAt(_ path: String) -> Bool { writer.isAt(path) }

  /// Looks at a file without opening it. Blocks.
  ///
  /// - Throws: Where one is there that is not opened, as others may read it. What it holds is not looked at.
  public static func check(path: String) throws(StoreFault) { try SQLiteDatabase.check(path: path) }

  public func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, completion: @escaping Completion<[String]>
  ) {
    writer.enqueue(now: record.beganAt, completion) { table throws(StoreFault) in
      try table.begin(record, hash: hash, former: former)
    }
  }

  public func find(
    hash: [UInt8], provider: String, now: Int64, idleSeconds: Int64, completion: @escaping Completion<SessionRecord?>
  ) {
    // Reading waits for nobody who writes, and goes on where nothing can be written.
    let read: Completion<SessionRecord?> = { [self] result in
      guard case .success(var record?) = result else { return completion(result) }
      let unused = now.subtractingSaturated(record.lastUsedAt)
      if unused > idleSeconds {
        return end(hash: hash, provider: provider, now: now) { completion($0.map { _ in nil }) }
      }
      if unused >= min(SessionTable.usedEverySeconds, max(1, idleSeconds / 4)) {
        record.lastUsedAt = now
        let done: Completion<Void> = { _ in }
        writer.enqueue(now: now, done) { table throws(StoreFault) in try table.use(hash: hash, now: now) }
      }
      completion(.success(record))
    }
    writer.enqueue(now: nil, read) { table throws(StoreFault) in
      try table.find(hash: hash, provider: provider, now: now)
    }
  }

  public func renew(_ record: SessionRecord, hash: [UInt8], found: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: record.lastUsedAt, completion) { table throws(StoreFault) in
      try table.renew(record, hash: hash, found: found)
    }
  }

  public func end(hash: [UInt8], provider: String, now: Int64, completion: @escaping Completion<SessionRecord?>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(hash: hash, provider: provider, now: now)
    }
  }

  public func endAll(
    _ order: SessionsEnd, provider: String, now: Int64, completion: @escaping Completion<[String]?>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(order, provider: provider, now: now)
    }
  }

  public func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(id: id, provider: provider, now: now)
    }
  }

  public func endAll(subject: String?, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(subject: subject, provider: provider, now: now)
    }
  }

  public func list(
    provider: String, subject: String?, now: Int64, idleSeconds: Int64,
    completion: @escaping Completion<[ListedSession]>
  ) {
    writer.enqueue(now: nil, completion) { table throws(StoreFault) in
      try table.list(provider: provider, subject: subject, now: now, idleSeconds: idleSeconds)
    }
  }

  public func newlyEnded(completion: @escaping Completion<[EndedSignIn]>) { writer.newlyEnded(completion) }

  public func spend(hash: [UInt8], until: Int64, now: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in try table.spend(hash: hash, until: until) }
  }

  public func revoke(
    token id: String, provider: String, until: Int64, now: Int64, completion: @escaping Completion<Void>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.ended.add(EndedSignIn(.token, id: id, provider: provider, until: until))
    }
  }

  public func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void
  ) {
    writer.watch(every: interval, changed: changed, failed: failed)
  }
}
