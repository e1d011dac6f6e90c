/// The statements about what has ended, inside a transaction of whoever calls.
///
/// Each row has a number above all before it, also above those that were deleted since. It becomes visible with what it
/// tells of, and one transaction writes at a time: who has seen a number has seen all below it, whatever clocks say.
struct EndedTable {
  private let database: SQLiteDatabase

  /// Rows that are deleted at once.
  private static let batch: Int64 = 200

  init(_ database: SQLiteDatabase) { self.database = database }

  func make() throws(StoreFault) {
    try database.run(
      """
      CREATE TABLE ended (
        number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, provider TEXT NOT NULL,
        until INTEGER NOT NULL
      ) STRICT
      """)
    try database.run("CREATE INDEX ended_by_time ON ended (until)")
  }

  func add(_ ended: EndedSignIn) throws(StoreFault) {
    try database.run(
      "INSERT INTO ended (kind, id, provider, until) VALUES (?, ?, ?, ?)",
      [.text(ended.kind.rawValue), .text(ended.id), .text(ended.provider), .integer(ended.until)])
  }

  /// What came after that number, and the number of the last of it.
  func list(after number: Int64) throws(StoreFault) -> (ended: [EndedSignIn], last: Int64) {
    var ended: [EndedSignIn] = []
    var last = number
    try database.run(
      "SELECT number, kind, id, provider, until FROM ended WHERE number > ? ORDER BY number", [.integer(number)]
    ) { row in
      last = row.integer(0)
      guard let kind = EndedSignIn.Kind(rawValue: row.text(1)) else { return }
      ended.append(EndedSignIn(kind, id: row.text(2), provider: row.text(3), until: row.integer(4)))
    }
    return (ended, last)
  }

  /// Deletes some of what nobody has to know any more; true where there may be more.
  func deleteExpired(now: Int64) throws(StoreFault) -> Bool {
    try database.run(
      "DELETE FROM ended WHERE number IN (SELECT number FROM ended WHERE until <= ?1 LIMIT ?2)",
      [.integer(now), .integer(EndedTable.batch)])
    return database.changes == Int(EndedTable.batch)
  }
}
