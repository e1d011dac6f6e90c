/// Sign-ins in a file (SQLite), which several processes may use at once.
public final class SQLiteSignInStore: SignInStore, Sendable {
  private let writer: SQLiteWriter<SignInTable>

  /// Opens the file; makes it, and its folder, where there is none. Blocks.
  ///
  /// - Throws: Where somebody else could read it, it is no file of this program's, or of a newer version of it.
  public init(path: String) throws(StoreFault) { writer = try SQLiteWriter(path: path, name: "sign-ins") }

  /// Whether `path` leads to its file, however it is spelled: one process opens a database once. Blocks.
  public func isAt(_ path: String) -> Bool { writer.isAt(path) }

  /// Looks at a file without opening it. Blocks.
  ///
  /// - Throws: Where one is there that is not opened, as others may read it. What it holds is not looked at.
  public static func check(path: String) throws(StoreFault) { try SQLiteDatabase.check(path: path) }

  public func begin(
    _ record: SignInRecord, hash: RefreshTokenHash, former: RefreshTokenHash?,
    completion: @escaping Completion<[String]>
  ) {
    writer.enqueue(now: record.authenticatedAt, completion) { table throws(StoreFault) in
      try table.begin(record, hash, former: former)
    }
  }

  public func goOn(_ record: SignInRecord, hash: RefreshTokenHash, completion: @escaping Completion<String>) {
    writer.enqueue(now: record.authenticatedAt, completion) { table throws(StoreFault) in
      try table.goOn(record, hash)
    }
  }

  public func refresh(
    hash: RefreshTokenHash, provider: String, replacement: [UInt8], now: Int64, terms: RefreshTerms,
    deadline: ContinuousClock.Instant, completion: @escaping Completion<RefreshOutcome>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      guard ContinuousClock.now < deadline else { return .abandoned }
      return try table.refresh(hash, provider: provider, replacement: replacement, now: now, terms)
    }
  }

  public func end(
    hash: RefreshTokenHash, provider: String, now: Int64, terms: RefreshTerms,
    completion: @escaping Completion<EndedByToken?>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(hash, provider: provider, now: now, terms)
    }
  }

  public func intendPassword(
    id: String, provider: String, digest: [UInt8], now: Int64, deadline: ContinuousClock.Instant,
    completion: @escaping Completion<Bool>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      guard ContinuousClock.now < deadline else { return false }
      try table.intendPassword(id: id, provider: provider, digest: digest)
      return true
    }
  }

  public func changePassword(
    subject: String, provider: String, digest: [UInt8], kept: String?, now: Int64,
    completion: @escaping Completion<[String]>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.changePassword(subject: subject, provider: provider, digest: digest, kept: kept, now: now)
    }
  }

  public func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(id: id, provider: provider, now: now)
    }
  }

  public func endAll(subject: String, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(subject: subject, provider: provider, now: now)
    }
  }

  public func list(
    provider: String, subject: String?, now: Int64, completion: @escaping Completion<[SignInRecord]>
  ) {
    writer.enqueue(now: nil, completion) { table throws(StoreFault) in
      try table.list(provider: provider, subject: subject, now: now)
    }
  }

  public func newlyEnded(completion: @escaping Completion<[EndedSignIn]>) { writer.newlyEnded(completion) }

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
