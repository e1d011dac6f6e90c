extension SQLiteDatabase {
  /// Makes the tables where there are none.
  ///
  /// - Parameters:
  ///   - version: Of the tables. A change of them is a new one, and a way from the old.
  ///   - make: Makes them, and says their version.
  /// - Throws: Where the database is another program's, or of a newer version.
  func useTables(version: Int64, _ make: () throws(StoreFault) -> Void) throws(StoreFault) {
    try run("BEGIN IMMEDIATE")
    do throws(StoreFault) {
      switch try number("PRAGMA user_version") {
      case 0:
        guard try number("SELECT count(*) FROM sqlite_schema") == 0 else {
          throw StoreFault("it is the database of another program")
        }
        try make()
      case version: break
      case let found where found < version:
        throw StoreFault(
          "it was written by a version of portcullis that was never released (schema \(found), here \(version)): remove it, "
            + "and people sign in again")
      case let found:
        throw StoreFault("it was written by a newer version of portcullis (schema \(found), here \(version))")
      }
      try run("COMMIT")
    } catch {
      if isInTransaction { try? run("ROLLBACK") }
      throw error
    }
  }
}
