/// The statements about sign-ins, inside a transaction of whoever calls.
///
/// A sign-in is one row, however often its refresh token is replaced: the first part of the token is the same in all of
/// them, and what has that part and is neither the latest nor a successor of it has been replaced (RFC 9700 §4.14.2).
struct SignInTable: SQLiteTable {
  private let database: SQLiteDatabase
  let ended: EndedTable

  /// Of the tables below. A change of them is a new one, and a way from the old.
  static let version: Int64 = 6
  /// Rows that are deleted at once.
  private static let batch: Int64 = 200

  /// - Throws: Where the database is another program's, or of a newer version.
  init(_ database: SQLiteDatabase) throws(StoreFault) {
    self.database = database
    ended = EndedTable(database)
    try database.useTables(version: SignInTable.version) { () throws(StoreFault) in try make() }
  }

  private func make() throws(StoreFault) {
    try database.run(
      """
      CREATE TABLE sign_ins (
        id TEXT PRIMARY KEY NOT NULL, provider TEXT NOT NULL, subject TEXT NOT NULL, methods TEXT NOT NULL,
        authenticated_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        tokens_until INTEGER NOT NULL, client_address TEXT NOT NULL, user_agent TEXT NOT NULL,
        password_digest BLOB NOT NULL, family_hash BLOB NOT NULL UNIQUE, token_hash BLOB NOT NULL,
        successors BLOB NOT NULL DEFAULT x'', replaced BLOB NOT NULL DEFAULT x'', next_password_digest BLOB
      ) STRICT, WITHOUT ROWID
      """)
    try database.run("CREATE INDEX sign_ins_of_subject ON sign_ins (provider, subject)")
    try database.run("CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at)")
    try ended.make()
    try database.run("PRAGMA user_version = 6")
  }

  func begin(
    _ record: SignInRecord, _ hash: RefreshTokenHash, former: RefreshTokenHash?
  ) throws(StoreFault) -> [String] {
    let now = record.authenticatedAt
    var ended: [String] = []
    if let former, let found = try endFamily(of: former, provider: record.provider, now: now) {
      ended.append(found.record.id)
    }
    try insert(record, hash)
    let surplus = try surplus(beside: record)
    for id in surplus { try end(id: id, provider: record.provider, now: now) }
    return ended + surplus
  }

  /// The sign-ins of its subject that were used longest ago, where there are more than may be.
  private func surplus(beside record: SignInRecord) throws(StoreFault) -> [String] {
    // Those that are over count here, too: the index alone says how many there are, and nearly always that is few.
    let count = try database.number(
      "SELECT count(*) FROM sign_ins WHERE provider = ?1 AND subject = ?2",
      [.text(record.provider), .text(record.subject)])
    guard count > SignInLimits.perSubject else { return [] }
    var surplus: [String] = []
    try database.run(
      """
      SELECT id FROM sign_ins
      WHERE provider = ?1 AND subject = ?2 AND expires_at > ?3 AND id <> ?4
      ORDER BY last_used_at DESC, id LIMIT -1 OFFSET ?5
      """,
      [
        .text(record.provider), .text(record.subject), .integer(record.authenticatedAt), .text(record.id),
        .integer(Int64(SignInLimits.perSubject - 1)),
      ]
    ) { surplus.append($0.text(0)) }
    return surplus
  }

  func goOn(_ record: SignInRecord, _ hash: RefreshTokenHash) throws(StoreFault) -> String {
    var known: String?
    try database.run(
      """
      UPDATE sign_ins SET last_used_at = ?4, expires_at = max(expires_at, ?5), tokens_until = max(tokens_until, ?6)
      WHERE provider = ?1 AND subject = ?2 AND password_digest = ?3 AND expires_at > ?4
      RETURNING id
      """,
      [
        .text(record.provider), .text(record.subject), .bytes(record.passwordDigest), .integer(record.authenticatedAt),
        .integer(record.expiresAt), .integer(record.tokensUntil),
      ]
    ) { known = $0.text(0) }
    if let known { return known }
    try insert(record, hash)
    return record.id
  }

  func end(
    _ hash: RefreshTokenHash, provider: String, now: Int64, _ terms: RefreshTerms
  ) throws(StoreFault) -> EndedByToken? {
    guard let found = try endFamily(of: hash, provider: provider, now: now) else { return nil }
    let record = found.record
    let isOver = record.expiresAt <= now || now.subtractingSaturated(record.lastUsedAt) > terms.idleSeconds
    let isKnown =
      found.isLatest || found.successors.contains(hash.whole)
      || found.replaced.contains(hash.whole, now: now, seconds: terms.graceSeconds)
    return EndedByToken(record: record, token: isKnown ? isOver ? .over : .good : .replaced)
  }

  /// Ends the sign-in that has the first part of a token: what it was.
  private func endFamily(of hash: RefreshTokenHash, provider: String, now: Int64) throws(StoreFault) -> Found? {
    guard let found = try find(hash, provider: provider),
      max(found.record.expiresAt, found.record.tokensUntil) > now
    else { return nil }
    try end(id: found.record.id, provider: provider, now: now)
    return found
  }

  func intendPassword(id: String, provider: String, digest: [UInt8]) throws(StoreFault) {
    try database.run(
      "UPDATE sign_ins SET next_password_digest = ?3 WHERE id = ?1 AND provider = ?2",
      [.text(id), .text(provider), .bytes(digest)])
  }

  func changePassword(
    subject: String, provider: String, digest: [UInt8], kept: String?, now: Int64
  ) throws(StoreFault) -> [String] {
    try database.run(
      "UPDATE sign_ins SET password_digest = ?3, next_password_digest = NULL WHERE id = ?1 AND provider = ?2",
      [.text(kept ?? ""), .text(provider), .bytes(digest)])
    return try endAll(subject: subject, provider: provider, now: now, but: kept)
  }

  private func insert(_ record: SignInRecord, _ hash: RefreshTokenHash) throws(StoreFault) {
    try database.run(
      """
      INSERT INTO sign_ins (id, provider, subject, methods, authenticated_at, last_used_at, expires_at,
        tokens_until, client_address, user_agent, password_digest, family_hash, token_hash)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .text(record.id), .text(record.provider), .text(record.subject), .text(record.methods.joined(separator: " ")),
        .integer(record.authenticatedAt), .integer(record.lastUsedAt), .integer(record.expiresAt),
        .integer(record.tokensUntil), .text(record.clientAddress), .text(record.userAgent),
        .bytes(record.passwordDigest), .bytes(hash.family), .bytes(hash.whole),
      ])
  }

  func refresh(
    _ hash: RefreshTokenHash, provider: String, replacement: [UInt8], now: Int64, _ terms: RefreshTerms
  ) throws(StoreFault) -> RefreshOutcome {
    guard var found = try find(hash, provider: provider), found.record.expiresAt > now else { return .refused }
    let record = found.record
    let isSuccessor = found.successors.contains(hash.whole)
    let isRepeated = !found.isLatest && !isSuccessor
    if isRepeated, !found.replaced.contains(hash.whole, now: now, seconds: terms.graceSeconds) {
      try end(id: record.id, provider: provider, now: now)
      return .reused(record)
    }
    if now.subtractingSaturated(record.lastUsedAt) > terms.idleSeconds {
      try end(id: record.id, provider: provider, now: now)
      return .refused
    }
    let tokensUntil = now.addingSaturated(terms.tokenSeconds)
    if isRepeated {
      try database.run(
        "UPDATE sign_ins SET tokens_until = max(tokens_until, ?2) WHERE id = ?1",
        [.text(record.id), .integer(tokensUntil)])
      return .repeated(record)
    }
    if isSuccessor { found.replace(found.latest, now: now) }
    let latest: [UInt8]
    switch terms.replacement {
    case .atOnce:
      found.replace(hash.whole, now: now)
      latest = replacement
    case .onceSuccessorIsUsed:
      // Everybody who comes gets one of their own: who has a copy could keep the others from ever having one.
      found.successors.add(replacement, now: now)
      latest = hash.whole
    }
    found.replaced.keep(seconds: terms.graceSeconds, now: now)
    try database.run(
      """
      UPDATE sign_ins SET token_hash = ?2, successors = ?3, replaced = ?4, last_used_at = ?5,
        tokens_until = max(tokens_until, ?6)
      WHERE id = ?1
      """,
      [
        .text(record.id), .bytes(latest), .bytes(found.successors.bytes), .bytes(found.replaced.bytes), .integer(now),
        .integer(tokensUntil),
      ])
    var used = record
    used.lastUsedAt = now
    return .rotated(used)
  }

  private func find(_ hash: RefreshTokenHash, provider: String) throws(StoreFault) -> Found? {
    var found: Found?
    try database.run(
      """
      SELECT id, provider, subject, methods, authenticated_at, last_used_at, expires_at, tokens_until, client_address,
        user_agent, password_digest, token_hash = ?2, successors, replaced, token_hash, next_password_digest
      FROM sign_ins WHERE family_hash = ?1 AND provider = ?3
      """, [.bytes(hash.family), .bytes(hash.whole), .text(provider)]
    ) { row in
      var record = SignInRecord(row)
      record.nextPasswordDigest = row.bytes(15)
      found = Found(
        record: record, isLatest: row.integer(11) == 1, successors: TimedHashes(row.bytes(12)),
        replaced: TimedHashes(row.bytes(13)), latest: row.bytes(14))
    }
    return found
  }

  /// The sign-in that a refresh token is of, and what its tokens are.
  private struct Found {
    let record: SignInRecord
    /// Whether it is the latest.
    let isLatest: Bool
    /// Those that were given out for the latest, none of which was used yet.
    var successors: TimedHashes
    var replaced: TimedHashes
    /// SHA-256 of the latest.
    let latest: [UInt8]

    /// Another one is the latest now, and the successors of this one are none any more.
    mutating func replace(_ hash: [UInt8], now: Int64) {
      // The one that others may have most likely last: it is forgotten last.
      replaced.add(successors, now: now)
      replaced.add(hash, now: now)
      successors = TimedHashes()
    }
  }

  @discardableResult
  func end(id: String, provider: String, now: Int64) throws(StoreFault) -> Bool {
    var tokensUntil: Int64?
    try database.run(
      "SELECT tokens_until FROM sign_ins WHERE id = ?1 AND provider = ?2 AND max(expires_at, tokens_until) > ?3",
      [.text(id), .text(provider), .integer(now)]
    ) { tokensUntil = $0.integer(0) }
    guard let tokensUntil else { return false }
    try database.run("DELETE FROM sign_ins WHERE id = ?", [.text(id)])
    try ended.add(
      EndedSignIn(id: id, provider: provider, until: tokensUntil.addingSaturated(EndedSignIn.clockSlackSeconds)))
    return true
  }

  /// - Parameter kept: The id of one that goes on.
  func endAll(subject: String, provider: String, now: Int64, but kept: String? = nil) throws(StoreFault) -> [String] {
    var ids: [String] = []
    try database.run(
      """
      SELECT id FROM sign_ins
      WHERE provider = ?1 AND subject = ?2 AND max(expires_at, tokens_until) > ?3 AND id <> ?4
      """, [.text(provider), .text(subject), .integer(now), .text(kept ?? "")]
    ) { ids.append($0.text(0)) }
    for id in ids { try end(id: id, provider: provider, now: now) }
    return ids
  }

  func list(provider: String, subject: String?, now: Int64) throws(StoreFault) -> [SignInRecord] {
    var records: [SignInRecord] = []
    try database.run(
      """
      SELECT id, provider, subject, methods, authenticated_at, last_used_at, expires_at, tokens_until,
        client_address, user_agent, password_digest
      FROM sign_ins WHERE provider = ?1 AND (?2 IS NULL OR subject = ?2) AND expires_at > ?3
      ORDER BY last_used_at DESC, id
      """, [.text(provider), subject.map { .text($0) } ?? .null, .integer(now)]
    ) { records.append(SignInRecord($0)) }
    return records
  }

  /// Deletes some of what is of no use any more; true where there may be more.
  func deleteExpired(now: Int64) throws(StoreFault) -> Bool {
    try database.run(
      """
      DELETE FROM sign_ins WHERE id IN
        (SELECT id FROM sign_ins WHERE expires_at <= ?1 AND tokens_until <= ?1 LIMIT ?2)
      """, [.integer(now), .integer(SignInTable.batch)])
    let isMore = database.changes == Int(SignInTable.batch)
    return try ended.deleteExpired(now: now) || isMore
  }
}

extension SignInRecord {
  /// The columns in the order of the statements above.
  fileprivate init(_ row: borrowing SQLiteRow) {
    self.init(
      id: row.text(0), provider: row.text(1), subject: row.text(2),
      methods: row.text(3).split(separator: " ").map { String($0) }, authenticatedAt: row.integer(4),
      lastUsedAt: row.integer(5), expiresAt: row.integer(6), tokensUntil: row.integer(7), clientAddress: row.text(8),
      userAgent: row.text(9), passwordDigest: row.bytes(10))
  }
}
