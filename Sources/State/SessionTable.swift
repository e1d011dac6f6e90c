/// The statements about sessions, inside a transaction of whoever calls.
struct SessionTable: SQLiteTable {
  private let database: SQLiteDatabase
  let ended: EndedTable

  static let version: Int64 = 4
  /// A session that is used all the time is written to the disk once in so long.
  static let usedEverySeconds: Int64 = 60
  /// Rows that are deleted at once.
  private static let batch: Int64 = 200

  init(_ database: SQLiteDatabase) throws(StoreFault) {
    self.database = database
    ended = EndedTable(database)
    try database.useTables(version: SessionTable.version) { () throws(StoreFault) in try make() }
  }

  private func make() throws(StoreFault) {
    try database.run(
      """
      CREATE TABLE sessions (
        hash BLOB PRIMARY KEY NOT NULL, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, subject TEXT NOT NULL,
        provider_session TEXT, claims BLOB NOT NULL, tokens BLOB NOT NULL, renew_at INTEGER NOT NULL,
        began_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID
      """)
    try database.run("CREATE INDEX sessions_of_subject ON sessions (provider, subject)")
    try database.run(
      "CREATE INDEX sessions_of_provider ON sessions (provider, provider_session) WHERE provider_session IS NOT NULL")
    try database.run("CREATE INDEX sessions_by_expiry ON sessions (expires_at)")
    // What an order of a provider's names stays with it: sign-ins that are under way may be of what it ends.
    try database.run(
      """
      CREATE TABLE spent (
        hash BLOB PRIMARY KEY NOT NULL, until INTEGER NOT NULL, provider TEXT, provider_session TEXT, subject TEXT,
        issued_at INTEGER, received_at INTEGER
      ) STRICT, WITHOUT ROWID
      """)
    try database.run("CREATE INDEX spent_by_time ON spent (until)")
    try database.run("CREATE INDEX spent_of_provider ON spent (provider, received_at) WHERE provider IS NOT NULL")
    try ended.make()
    try database.run("PRAGMA user_version = 4")
  }

  func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, origin: SessionOrigin
  ) throws(StoreFault) -> [String]? {
    guard try !isEnded(record, origin) else { return nil }
    var replaced: SessionRecord?
    if let former { replaced = try end(hash: former, provider: record.provider, now: record.beganAt) }
    try database.run(
      """
      INSERT INTO sessions (hash, id, provider, subject, provider_session, claims, tokens, renew_at, began_at,
        last_used_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .bytes(hash), .text(record.id), .text(record.provider), .text(record.subject),
        record.providerSessionID.map { .text($0) } ?? .null, .bytes(record.claims), .bytes(record.sealedTokens),
        .integer(record.renewAt), .integer(record.beganAt), .integer(record.lastUsedAt), .integer(record.expiresAt),
      ])
    let surplus = try surplus(beside: record)
    try end(surplus, of: record.provider, now: record.beganAt)
    return (replaced.map { [$0.id] } ?? []) + surplus
  }

  /// Whether the provider has ended what a session would be of since its sign-in began. The same second counts: which of
  /// the two was first, nobody knows.
  private func isEnded(_ record: SessionRecord, _ origin: SessionOrigin) throws(StoreFault) -> Bool {
    try database.number(
      """
      SELECT count(*) FROM spent
      WHERE provider = ?1 AND received_at >= ?2 AND (
        (provider_session = ?3 AND (subject IS NULL OR subject = ?4))
        OR (subject = ?4 AND (provider_session IS NULL OR ?3 IS NULL) AND (?5 IS NULL OR issued_at >= ?5)))
      """,
      [
        .text(record.provider), .integer(origin.beganAt), record.providerSessionID.map { .text($0) } ?? .null,
        .text(record.subject), origin.authenticatedAt.map { .integer($0) } ?? .null,
      ]) > 0
  }

  /// The sessions of its subject that were used longest ago, where there are more than may be.
  private func surplus(beside record: SessionRecord) throws(StoreFault) -> [String] {
    // Those that are over count here, too: the index alone says how many there are, and nearly always that is few.
    let count = try database.number(
      "SELECT count(*) FROM sessions WHERE provider = ?1 AND subject = ?2",
      [.text(record.provider), .text(record.subject)])
    guard count > SignInLimits.perSubject else { return [] }
    var surplus: [String] = []
    try database.run(
      """
      SELECT id FROM sessions
      WHERE provider = ?1 AND subject = ?2 AND expires_at > ?3 AND id <> ?4
      ORDER BY last_used_at DESC, id LIMIT -1 OFFSET ?5
      """,
      [
        .text(record.provider), .text(record.subject), .integer(record.beganAt), .text(record.id),
        .integer(Int64(SignInLimits.perSubject - 1)),
      ]
    ) { surplus.append($0.text(0)) }
    return surplus
  }

  func find(hash: [UInt8], provider: String, now: Int64) throws(StoreFault) -> SessionRecord? {
    try record(hash, provider, now)
  }

  /// Says when it was last used.
  func use(hash: [UInt8], now: Int64) throws(StoreFault) {
    try database.run(
      "UPDATE sessions SET last_used_at = max(last_used_at, ?2) WHERE hash = ?1", [.bytes(hash), .integer(now)])
  }

  func renew(_ record: SessionRecord, hash: [UInt8], found: Int64) throws(StoreFault) -> Bool {
    try database.run(
      """
      UPDATE sessions SET claims = ?2, tokens = ?3, renew_at = ?4
      WHERE hash = ?1 AND renew_at = ?5
      """,
      [
        .bytes(hash), .bytes(record.claims), .bytes(record.sealedTokens), .integer(record.renewAt), .integer(found),
      ])
    return database.changes > 0
  }

  func end(hash: [UInt8], provider: String, now: Int64) throws(StoreFault) -> SessionRecord? {
    guard let record = try record(hash, provider, now) else { return nil }
    try end([record.id], of: provider, now: now)
    return record
  }

  func endAll(_ order: SessionsEnd, provider: String, now: Int64) throws(StoreFault) -> [String]? {
    try database.run(
      """
      INSERT INTO spent (hash, until, provider, provider_session, subject, issued_at, received_at)
      VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
      """,
      [
        .bytes(order.hash), .integer(max(order.until, now.addingSaturated(order.signInSecondsMax))), .text(provider),
        order.providerSessionID.map { .text($0) } ?? .null, order.subject.map { .text($0) } ?? .null,
        .integer(order.issuedAt), .integer(now),
      ])
    guard database.changes > 0 else { return nil }
    var ids: [String] = []
    if let session = order.providerSessionID {
      // Sessions whose ID token did not say which one of the provider's they belong to may be of this one: they end too,
      // as nobody can say that they are not.
      try database.run(
        """
        SELECT id FROM sessions WHERE provider = ?1 AND provider_session = ?2 AND (?3 IS NULL OR subject = ?3)
          AND expires_at > ?4
        UNION ALL
        SELECT id FROM sessions WHERE provider = ?1 AND subject = ?3 AND provider_session IS NULL AND expires_at > ?4
        ORDER BY id
        """, [.text(provider), .text(session), order.subject.map { .text($0) } ?? .null, .integer(now)]
      ) { ids.append($0.text(0)) }
    } else if let subject = order.subject {
      return try endAll(subject: subject, provider: provider, now: now)
    }
    try end(ids, of: provider, now: now)
    return ids
  }

  /// - Parameter subject: nil: whosever.
  func endAll(subject: String?, provider: String, now: Int64) throws(StoreFault) -> [String] {
    var ids: [String] = []
    try database.run(
      """
      SELECT id FROM sessions
      WHERE provider = ?1 AND (?2 IS NULL OR subject = ?2) AND expires_at > ?3 ORDER BY id
      """, [.text(provider), subject.map { .text($0) } ?? .null, .integer(now)]
    ) { ids.append($0.text(0)) }
    try end(ids, of: provider, now: now)
    return ids
  }

  func end(id: String, provider: String, now: Int64) throws(StoreFault) -> Bool {
    var isThere = false
    try database.run(
      "SELECT 1 FROM sessions WHERE id = ?1 AND provider = ?2 AND expires_at > ?3",
      [.text(id), .text(provider), .integer(now)]
    ) { _ in isThere = true }
    if isThere { try end([id], of: provider, now: now) }
    return isThere
  }

  func list(
    provider: String, subject: String?, now: Int64, idleSeconds: Int64
  ) throws(StoreFault) -> [ListedSession] {
    var sessions: [ListedSession] = []
    try database.run(
      """
      SELECT id, subject, claims, began_at, last_used_at, expires_at FROM sessions
      WHERE provider = ?1 AND (?2 IS NULL OR subject = ?2) AND expires_at > ?3
        AND last_used_at >= ?4
      ORDER BY last_used_at DESC, id
      """,
      [
        .text(provider), subject.map { .text($0) } ?? .null, .integer(now),
        .integer(now.subtractingSaturated(idleSeconds)),
      ]
    ) { row in
      sessions.append(
        ListedSession(
          id: row.text(0), subject: row.text(1), claims: row.bytes(2), beganAt: row.integer(3),
          lastUsedAt: row.integer(4), expiresAt: row.integer(5)))
    }
    return sessions
  }

  /// What it takes to go on is forgotten at once.
  private func end(_ ids: [String], of provider: String, now: Int64) throws(StoreFault) {
    for id in ids {
      try database.run("DELETE FROM sessions WHERE id = ?", [.text(id)])
      try ended.add(
        EndedSignIn(id: id, provider: provider, until: now.addingSaturated(EndedSignIn.sessionKnownSeconds)))
    }
  }

  func spend(hash: [UInt8], until: Int64) throws(StoreFault) -> Bool {
    try database.run(
      "INSERT INTO spent (hash, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING", [.bytes(hash), .integer(until)])
    return database.changes > 0
  }

  func deleteExpired(now: Int64) throws(StoreFault) -> Bool {
    let limit = SQLiteStatement.Value.integer(SessionTable.batch)
    try database.run(
      "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at <= ?1 LIMIT ?2)",
      [.integer(now), limit])
    var deleted = database.changes
    try database.run(
      "DELETE FROM spent WHERE hash IN (SELECT hash FROM spent WHERE until <= ?1 LIMIT ?2)", [.integer(now), limit])
    deleted = max(deleted, database.changes)
    return try ended.deleteExpired(now: now) || deleted == Int(SessionTable.batch)
  }

  private func record(_ hash: [UInt8], _ provider: String, _ now: Int64) throws(StoreFault) -> SessionRecord? {
    var found: SessionRecord?
    try database.run(
      """
      SELECT id, provider, subject, provider_session, claims, tokens, renew_at, began_at, last_used_at, expires_at
      FROM sessions WHERE hash = ?1 AND provider = ?2 AND expires_at > ?3
      """, [.bytes(hash), .text(provider), .integer(now)]
    ) { found = SessionRecord($0) }
    return found
  }
}

extension SessionRecord {
  /// The columns in the order of the statement above.
  fileprivate init(_ row: borrowing SQLiteRow) {
    let session = row.text(3)
    self.init(
      id: row.text(0), provider: row.text(1), subject: row.text(2), providerSessionID: session.isEmpty ? nil : session,
      claims: row.bytes(4), sealedTokens: row.bytes(5), renewAt: row.integer(6), beganAt: row.integer(7),
      lastUsedAt: row.integer(8), expiresAt: row.integer(9))
  }
}
