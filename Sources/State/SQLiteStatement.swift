internal import CSQLite

/// A prepared statement. Texts and numbers are bound, never written into it.
@safe
final class SQLiteStatement {
  private let statement: OpaquePointer

  init(_ text: StaticString, _ connection: OpaquePointer) throws(StoreFault) {
    var statement: OpaquePointer?
    // SAFETY: a static string is NUL-terminated where it is a pointer, as all literals here are.
    let code = unsafe sqlite3_prepare_v3(
      connection, text.utf8Start.withMemoryRebound(to: CChar.self, capacity: text.utf8CodeUnitCount) { unsafe $0 },
      Int32(clamping: text.utf8CodeUnitCount), UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement = unsafe statement else {
      throw unsafe StoreFault(connection, code)
    }
    unsafe self.statement = statement
  }

  deinit { unsafe sqlite3_finalize(statement) }

  /// A value of a parameter.
  enum Value {
    case integer(Int64)
    case text(String)
    case bytes([UInt8])
    case null
  }

  /// Runs it with these parameters, and calls `row` for each row. It is ready for its next use after that, whatever
  /// happened.
  func run(_ parameters: [Value], row: (borrowing SQLiteRow) -> Void = { _ in }) throws(StoreFault) {
    defer {
      unsafe sqlite3_reset(statement)
      unsafe sqlite3_clear_bindings(statement)
    }
    for (place, parameter) in parameters.enumerated() { try bind(parameter, Int32(clamping: place + 1)) }
    while true {
      let code = unsafe sqlite3_step(statement)
      switch code {
      case SQLITE_ROW: unsafe row(SQLiteRow(statement))
      case SQLITE_DONE: return
      default: throw unsafe StoreFault(sqlite3_db_handle(statement), code)
      }
    }
  }

  private func bind(_ value: Value, _ place: Int32) throws(StoreFault) {
    let code: Int32
    switch value {
    case .integer(let number): code = unsafe sqlite3_bind_int64(statement, place, number)
    case .text(let text):
      code = unsafe portcullis_sqlite3_bind_text(statement, place, text, Int32(clamping: text.utf8.count))
    case .bytes(let bytes):
      code = unsafe bytes.withUnsafeBytes { bytes in
        unsafe portcullis_sqlite3_bind_blob(statement, place, bytes.baseAddress, Int32(clamping: bytes.count))
      }
    case .null: code = unsafe sqlite3_bind_null(statement, place)
    }
    guard code == SQLITE_OK else { throw unsafe StoreFault(sqlite3_db_handle(statement), code) }
  }
}

/// The row at which a statement stands; of use only while it is passed.
@safe
struct SQLiteRow: ~Copyable {
  private let statement: OpaquePointer

  fileprivate init(_ statement: OpaquePointer) { unsafe self.statement = statement }

  /// 0 for what is no number.
  func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(statement, column) }

  /// Empty for what is no text.
  func text(_ column: Int32) -> String {
    // SAFETY: the bytes live until the next step; they are copied.
    guard let start = unsafe sqlite3_column_text(statement, column) else { return "" }
    let count = unsafe Int(sqlite3_column_bytes(statement, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// Empty for what is none.
  func bytes(_ column: Int32) -> [UInt8] {
    // SAFETY: the bytes live until the next step; they are copied.
    guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
    let count = unsafe Int(sqlite3_column_bytes(statement, column))
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}

extension StoreFault {
  /// What SQLite says of a failure; never a value that was bound.
  init(_ connection: OpaquePointer?, _ code: Int32) {
    // SAFETY: both answer with NUL-terminated texts, which are copied.
    let general = unsafe sqlite3_errstr(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    let special = unsafe connection.flatMap { unsafe sqlite3_errmsg($0) }.map { unsafe String(cString: $0) }
    self.init(
      special.map { $0 == general ? general : "\(general): \($0)" } ?? general, isBusy: code & 0xFF == SQLITE_BUSY)
  }
}
