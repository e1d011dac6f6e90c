/// Sessions in a file (SQLite), which several processes may use at once.
public final class SQLiteSessionStore: SessionStore, Sendable {
  private let writer: SQLiteWriter<SessionTable>

  /// Opens the file; makes it, and its folder, where there is none. Blocks.
  ///
  /// - Throws: Where somebody else could read it, it is no file of this program's, or of a newer version of it.
  public init(path: String) throws(StoreFault) { writer = try SQLiteWriter(path: path, name: "sessions") }

  public func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, completion: @escaping Completion<String?>
  ) {
    writer.enqueue(now: record.beganAt, completion) { table throws(StoreFault) in
      try table.begin(record, hash: hash, former: former)
    }
  }

  public func find(
    hash: [UInt8], provider: String, now: Int64, idleSeconds: Int64, completion: @escaping Completion<SessionRecord?>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.find(hash: hash, provider: provider, now: now, idleSeconds: idleSeconds)
    }
  }

  public func renew(_ record: SessionRecord, hash: [UInt8], found: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: nil, completion) { table throws(StoreFault) in
      try table.renew(record, hash: hash, found: found)
    }
  }

  public func end(hash: [UInt8], provider: String, now: Int64, completion: @escaping Completion<SessionRecord?>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(hash: hash, provider: provider, now: now)
    }
  }

  public func endAll(
    provider: String, subject: String?, providerSessionID: String?, now: Int64,
    completion: @escaping Completion<[String]>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(provider: provider, subject: subject, providerSessionID: providerSessionID, now: now)
    }
  }

  public func ended(now: Int64, completion: @escaping Completion<[EndedSignIn]>) {
    writer.enqueue(now: nil, completion) { table throws(StoreFault) in try table.ended(now: now) }
  }

  public func spend(hash: [UInt8], until: Int64, now: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in try table.spend(hash: hash, until: until) }
  }

  public func watch(every interval: Duration, changed: @escaping @Sendable () -> Void) {
    writer.watch(every: interval, changed: changed)
  }
}
