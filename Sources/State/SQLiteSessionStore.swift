/// Sessions in a file (SQLite), which several processes may use at once. What is asked waits in order, and is
/// acknowledged once it is on the disk.
public final class SQLiteSessionStore: SessionStore, Sendable {
  private let writer: SQLiteWriter<SessionTable>

  /// Opens the file; makes it, and its folder, if there is none. Blocks.
  ///
  /// - Throws: If others could read it, it is not a file of this program, or it is one of a newer version.
  public init(path: String) throws(StoreFault) { writer = try SQLiteWriter(path: path, name: "sessions") }

  /// Whether `path` leads to its file, however it is spelled: one process opens a database only once. Blocks.
  public func isAt(_ path: String) -> Bool { writer.isAt(path) }

  /// Deletes the file, if there was none before it was opened, and nobody else has it open or has written to it. Blocks.
  /// Not to be used afterwards.
  public func discard() { writer.discard() }

  /// Checks a file without opening it. Blocks. What it contains is not looked at.
  ///
  /// - Throws: If there is one that would not be opened, as others could read it.
  public static func check(path: String) throws(StoreFault) { try SQLiteDatabase.check(path: path) }

  /// Keeps a new session, at the time of its `beganAt`.
  public func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, origin: SessionOrigin,
    completion: @escaping Completion<[String]?>
  ) {
    writer.enqueue(now: record.beganAt, completion) { table throws(StoreFault) in
      try table.begin(record, hash: hash, former: former, origin: origin)
    }
  }

  /// Reads the session, and does not wait for other processes that write. One that was idle for too long is ended. That
  /// it was used is written at most once a minute, more often only if `idleSeconds` is short, and `completion` does not
  /// wait for it.
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

  /// Replaces claims, tokens and `renewAt` if `renewAt` is still `found`.
  public func renew(_ record: SessionRecord, hash: [UInt8], found: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: record.lastUsedAt, completion) { table throws(StoreFault) in
      try table.renew(record, hash: hash, found: found)
    }
  }

  /// Ends the session, and forgets its tokens.
  public func end(hash: [UInt8], provider: String, now: Int64, completion: @escaping Completion<SessionRecord?>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(hash: hash, provider: provider, now: now)
    }
  }

  /// Ends the sessions of the order. Those of its subject that do not say which one of the provider's they belong to
  /// end too.
  public func endAll(
    _ order: SessionsEnd, provider: String, now: Int64, completion: @escaping Completion<[String]?>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(order, provider: provider, now: now)
    }
  }

  /// Ends the session with this id, and forgets its tokens.
  public func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(id: id, provider: provider, now: now)
    }
  }

  /// Ends the sessions, and forgets their tokens, in one transaction.
  public func endAll(subject: String?, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(subject: subject, provider: provider, now: now)
    }
  }

  /// Reads the sessions, and does not wait for other processes that write.
  public func list(
    provider: String, subject: String?, now: Int64, idleSeconds: Int64,
    completion: @escaping Completion<[ListedSession]>
  ) {
    writer.enqueue(now: nil, completion) { table throws(StoreFault) in
      try table.list(provider: provider, subject: subject, now: now, idleSeconds: idleSeconds)
    }
  }

  /// Reads what has ended, and does not wait for other processes that write. If it fails, the next call gives the same
  /// again.
  public func newlyEnded(completion: @escaping Completion<[EndedSignIn]>) { writer.newlyEnded(completion) }

  /// Remembers the hash until `until`, for every process that uses the file.
  public func spend(hash: [UInt8], until: Int64, now: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in try table.spend(hash: hash, until: until) }
  }

  /// Remembers the token, so that every process that watches the file refuses it.
  public func revoke(
    token id: String, provider: String, until: Int64, now: Int64, completion: @escaping Completion<Void>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.ended.add(EndedSignIn(.token, id: id, provider: provider, until: until))
    }
  }

  /// Has every process that watches the file say what was ended, at the time `now` in seconds since 1970.
  public func note(_ note: EndingNote, provider: String, now: Int64, completion: @escaping Completion<Void>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.ended.add(EndedSignIn(note, provider: provider, now: now))
    }
  }

  /// Looks every `interval`, at least 10 ms, whether the file was written.
  public func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void
  ) {
    writer.watch(every: interval, changed: changed, failed: failed)
  }
}
