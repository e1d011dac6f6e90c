/// Sign-ins in a file (SQLite), which several processes may use at once. What is asked waits in order, and is
/// acknowledged once it is on the disk.
public final class SQLiteSignInStore: SignInStore, Sendable {
  private let writer: SQLiteWriter<SignInTable>

  /// Opens the file; makes it, and its folder, if there is none. Blocks.
  ///
  /// - Throws: If others could read it, it is not a file of this program, or it is one of a newer version.
  public init(path: String) throws(StoreFault) { writer = try SQLiteWriter(path: path, name: "sign-ins") }

  /// Whether `path` leads to its file, however it is spelled: one process opens a database only once. Blocks.
  public func isAt(_ path: String) -> Bool { writer.isAt(path) }

  /// Deletes the file, if there was none before it was opened, and nobody else has it open or has written to it. Blocks.
  /// Not to be used afterwards.
  public func discard() { writer.discard() }

  /// Checks a file without opening it. Blocks. What it contains is not looked at.
  ///
  /// - Throws: If there is one that would not be opened, as others could read it.
  public static func check(path: String) throws(StoreFault) { try SQLiteDatabase.check(path: path) }

  /// Keeps a new sign-in, at the time of its `authenticatedAt`.
  public func begin(
    _ record: SignInRecord, hash: RefreshTokenHash, former: RefreshTokenHash?,
    completion: @escaping Completion<[String]>
  ) {
    writer.enqueue(now: record.authenticatedAt, completion) { table throws(StoreFault) in
      try table.begin(record, hash, former: former)
    }
  }

  /// Updates the sign-in that has the subject and the password digest of `record`, or keeps `record`.
  public func goOn(_ record: SignInRecord, hash: RefreshTokenHash, completion: @escaping Completion<String>) {
    writer.enqueue(now: record.authenticatedAt, completion) { table throws(StoreFault) in
      try table.goOn(record, hash)
    }
  }

  /// Gives `abandoned` if its turn comes only after `deadline`.
  public func refresh(
    hash: RefreshTokenHash, provider: String, replacement: [UInt8], now: Int64, terms: RefreshTerms,
    deadline: ContinuousClock.Instant, completion: @escaping Completion<RefreshOutcome>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      guard ContinuousClock.now < deadline else { return .abandoned }
      return try table.refresh(hash, provider: provider, replacement: replacement, now: now, terms)
    }
  }

  /// Ends the sign-in of the family of `hash`, so also with a token that was replaced long ago.
  public func end(
    hash: RefreshTokenHash, provider: String, now: Int64, terms: RefreshTerms,
    completion: @escaping Completion<EndedByToken?>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(hash, provider: provider, now: now, terms)
    }
  }

  /// Gives false if its turn comes only after `deadline`. A sign-in that does not exist is not a failure.
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

  /// Ends the other sign-ins and moves `kept` to the new password, in one transaction.
  public func changePassword(
    subject: String, provider: String, digest: [UInt8], kept: String?, now: Int64,
    completion: @escaping Completion<[String]>
  ) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.changePassword(subject: subject, provider: provider, digest: digest, kept: kept, now: now)
    }
  }

  /// Ends a sign-in that is active, or of which access tokens may still be valid.
  public func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.end(id: id, provider: provider, now: now)
    }
  }

  /// Ends those that are active, or of which access tokens may still be valid.
  public func endAll(subject: String, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    writer.enqueue(now: now, completion) { table throws(StoreFault) in
      try table.endAll(subject: subject, provider: provider, now: now)
    }
  }

  /// Reads the sign-ins, and does not wait for other processes that write. Sign-ins that were idle for too long are
  /// among them.
  public func list(
    provider: String, subject: String?, now: Int64, completion: @escaping Completion<[SignInRecord]>
  ) {
    writer.enqueue(now: nil, completion) { table throws(StoreFault) in
      try table.list(provider: provider, subject: subject, now: now)
    }
  }

  /// Reads what has ended, and does not wait for other processes that write. If it fails, the next call gives the same
  /// again.
  public func newlyEnded(completion: @escaping Completion<[EndedSignIn]>) { writer.newlyEnded(completion) }

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
