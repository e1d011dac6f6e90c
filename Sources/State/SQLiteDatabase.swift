internal import CSQLite
internal import Glibc

/// A database in a file that its owner alone may read. Used by one thread at a time.
@safe
final class SQLiteDatabase {
  private let path: String
  /// Whether there was none before.
  private let isNew: Bool
  /// Which files it was when it was opened: the database, its write-ahead log, and the index of that. What was written
  /// last is in the log alone; SQLite deletes neither companion while a connection is open.
  /// Not changed once it is open.
  private var files: [FileIdentity] = []
  private let connection: OpaquePointer
  /// By the address of their text, which is a literal.
  private var statements: [UInt: SQLiteStatement] = [:]

  /// How long is waited for another process that writes: whoever asked is answered before nobody waits any more.
  private static let busyMilliseconds: Int32 = 4500

  /// Opens it; makes it and its folder where there is none.
  ///
  /// - Throws: Where somebody else could read it, or it cannot be used.
  init(path: String) throws(StoreFault) {
    let (path, isNew) = try SQLiteDatabase.makePrivate(path)
    var connection: OpaquePointer?
    let code = unsafe sqlite3_open_v2(
      path, &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
      nil)
    guard code == SQLITE_OK, let connection = unsafe connection else {
      let fault = unsafe StoreFault(connection, code)
      unsafe sqlite3_close_v2(connection)
      throw StoreFault("\(path): \(fault)")
    }
    unsafe self.connection = connection
    self.path = path
    self.isNew = isNew
    files = [try SQLiteDatabase.identity(path)]
    unsafe sqlite3_busy_timeout(connection, SQLiteDatabase.busyMilliseconds)
    guard unsafe portcullis_sqlite3_be_defensive(connection) == SQLITE_OK else {
      throw StoreFault("\(path): SQLite cannot be made to refuse what others planted")
    }
    do throws(StoreFault) {
      // What was acknowledged is on the disk, also after a loss of power.
      try run("PRAGMA journal_mode = WAL")
      try run("PRAGMA synchronous = FULL")
      // The first look into it makes the companions, where they are missing.
      _ = try number("SELECT count(*) FROM sqlite_schema")
    } catch {
      throw StoreFault("\(path): \(error)")
    }
    for companion in ["-wal", "-shm"] { files.append(try SQLiteDatabase.identity(path + companion)) }
  }

  deinit {
    // Statements first: a connection that has some stays open.
    statements = [:]
    unsafe sqlite3_close_v2(connection)
  }

  /// Runs a statement, which is prepared once.
  func run(
    _ text: StaticString, _ parameters: [SQLiteStatement.Value] = [], row: (borrowing SQLiteRow) -> Void = { _ in }
  ) throws(StoreFault) {
    let key = unsafe UInt(bitPattern: text.utf8Start)
    if let known = statements[key] { return try known.run(parameters, row: row) }
    let statement = unsafe try SQLiteStatement(text, connection)
    statements[key] = statement
    try statement.run(parameters, row: row)
  }

  /// The number that a statement answers with; 0 where it has no row.
  func number(_ text: StaticString, _ parameters: [SQLiteStatement.Value] = []) throws(StoreFault) -> Int64 {
    var number: Int64 = 0
    try run(text, parameters) { number = $0.integer(0) }
    return number
  }

  /// Looks whether the names still lead to the files that are open: what is written to one that was deleted or replaced
  /// is lost with the process, also which sign-ins were ended.
  ///
  /// - Throws: Where one does not. It is not opened anew: of an empty one nobody could tell what it had held.
  func checkIsThere() throws(StoreFault) {
    for file in files {
      guard try SQLiteDatabase.identity(file.path) == file else {
        throw StoreFault("\(file.path) was replaced: restart the gateway")
      }
    }
  }

  /// Deletes the file, where there was none before it was opened and nobody else has it open. To be used no more then.
  func discard() {
    guard isNew, (try? checkIsThere()) != nil else { return }
    // Without a write-ahead log is only what no other connection uses; SQLite deletes the companions.
    unsafe sqlite3_busy_timeout(connection, 0)
    guard (try? run("PRAGMA journal_mode = DELETE")) != nil else { return }
    // SAFETY: the path is NUL-terminated for the call.
    _ = unsafe unlink(path)
  }

  /// Whether `path` leads to the file that was opened: by another spelling, or a link. From any thread.
  func isAt(_ path: String) -> Bool {
    guard let own = files.first, let found = try? SQLiteDatabase.identity(path) else { return false }
    return found.device == own.device && found.inode == own.inode
  }

  /// How many rows the last statement changed.
  var changes: Int { unsafe Int(sqlite3_changes(connection)) }

  /// Whether a transaction is open: SQLite ends it itself after some faults.
  var isInTransaction: Bool { unsafe sqlite3_get_autocommit(connection) == 0 }

  private struct FileIdentity: Equatable {
    let path: String
    let device: UInt64
    let inode: UInt64
  }

  private static func identity(_ path: String) throws(StoreFault) -> FileIdentity {
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe lstat(path, &status) == 0 else {
      if errno == ENOENT { throw StoreFault("\(path) was deleted: put it back, and restart the gateway") }
      throw last("stat \(path)")
    }
    return FileIdentity(path: path, device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  /// Makes the file, as SQLite itself would let others read it; its companions get the file's mode.
  ///
  /// - Returns: Its path without links: SQLite follows none, and a folder may be one, such as /var/run; and whether there
  ///   was no such file.
  private static func makePrivate(_ path: String) throws(StoreFault) -> (path: String, isNew: Bool) {
    let given = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    // SAFETY: paths are NUL-terminated for each call of this function, which keep nothing.
    guard unsafe mkdir(given, 0o700) == 0 || errno == EEXIST else { throw last("mkdir \(given)") }
    guard let found = unsafe realpath(given, nil) else { throw last("realpath \(given)") }
    defer { unsafe free(found) }
    let folder = unsafe String(cString: found)
    let name = path.split(separator: "/").last.map { String($0) } ?? path
    let path = folder == "/" ? "/" + name : "\(folder)/\(name)"
    let new = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard new >= 0 || errno == EEXIST else { throw last("open \(path)") }
    if new >= 0 { close(new) }
    // One that is there may be open, and locked, in this process.
    let descriptor = unsafe portcullis_look_at(path)
    guard descriptor >= 0 else { throw last("open \(path)") }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw last("stat \(path)") }
    try check(status, path)
    // SQLite would go on without writing.
    guard unsafe faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0 else { throw last("open \(path)") }
    if geteuid() == 0, status.st_size == 0 { try giveToOwnerOfFolder(descriptor, folder, path) }
    return (path, new >= 0)
  }

  /// Looks at a file that need not be there, and opens nothing.
  ///
  /// - Throws: Where what is there would not be opened.
  static func check(path: String) throws(StoreFault) {
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw last("stat \(path)")
    }
    try check(status, path)
  }

  private static func check(_ status: stat, _ path: String) throws(StoreFault) {
    guard status.st_mode & S_IFMT == S_IFREG else { throw StoreFault("\(path) is not a file") }
    let mode = status.st_mode & 0o7777
    guard mode & 0o077 == 0 else {
      throw StoreFault(
        "\(path) has mode \(String(mode, radix: 8)); nobody but its owner may read it: run chmod 600 \(path)")
    }
    guard status.st_uid == geteuid() || geteuid() == 0 else { throw StoreFault("\(path) belongs to another user") }
  }

  /// The gateway, which need not be root, goes on with what root has begun.
  private static func giveToOwnerOfFolder(_ file: Int32, _ folder: String, _ path: String) throws(StoreFault) {
    var status = stat()
    guard unsafe stat(folder, &status) == 0 else { throw last("stat \(folder)") }
    guard portcullis_change_owner(file, status.st_uid, status.st_gid) == 0 else { throw last("chown \(path)") }
  }

  private static func last(_ call: String) -> StoreFault {
    let code = errno
    // SAFETY: the text of glibc lives until the thread's next call; it is copied.
    return StoreFault("\(call): " + (unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"))
  }
}
