/// Where sessions are kept, by the SHA-256 of what their cookies hold.
///
/// What was acknowledged outlives the process and the machine. Completions are called once, on a queue of the store's.
public protocol SessionStore: EndingStore {
  /// Keeps a new session.
  ///
  /// - Parameters:
  ///   - former: The hash of the one that the same browser had, which ends (SECURITY C-9).
  ///   - origin: The sign-in that it comes from.
  ///   - completion: Given the ids of those that have ended: that one, and where the user has more than
  ///     `SignInLimits.perSubject` those that were used longest ago; nil where the provider has ended it while that
  ///     sign-in was under way, and nothing is kept.
  func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, origin: SessionOrigin,
    completion: @escaping Completion<[String]?>)

  /// The session that goes on with this hash; nil: there is none. It counts as used.
  ///
  /// - Parameters:
  ///   - now: Seconds since 1970.
  ///   - idleSeconds: After how long without use a session ends.
  func find(
    hash: [UInt8], provider: String, now: Int64, idleSeconds: Int64, completion: @escaping Completion<SessionRecord?>)

  /// Keeps what the provider says now; false where the session has ended meanwhile, or somebody else has renewed it.
  ///
  /// - Parameters:
  ///   - record: What was found, with other claims, tokens and `renewAt`.
  ///   - found: The `renewAt` that it was found with.
  func renew(_ record: SessionRecord, hash: [UInt8], found: Int64, completion: @escaping Completion<Bool>)

  /// Ends a session; its record as it was, or nil where there is none that goes on.
  func end(hash: [UInt8], provider: String, now: Int64, completion: @escaping Completion<SessionRecord?>)

  /// Ends what a provider has ended (OpenID Connect Back-Channel Logout 1.0 §2.7), once for each order: the ids of those
  /// that went on until now; nil where the order came before. What it names is remembered: no sign-in that is under way
  /// begins a session of it.
  func endAll(_ order: SessionsEnd, provider: String, now: Int64, completion: @escaping Completion<[String]?>)

  /// Ends a session; false where there is none that goes on.
  func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>)

  /// Ends all sessions; the ids of those that went on until now.
  ///
  /// - Parameter subject: Restricts the operation to this subject; nil for all subjects.
  func endAll(subject: String?, provider: String, now: Int64, completion: @escaping Completion<[String]>)

  /// The sessions that go on, those used last first.
  ///
  /// - Parameters:
  ///   - subject: Restricts the result to this subject; nil for all subjects.
  ///   - idleSeconds: After how long without use a session ends.
  func list(
    provider: String, subject: String?, now: Int64, idleSeconds: Int64,
    completion: @escaping Completion<[ListedSession]>)

  /// Remembers what is good once; false where it is remembered already (SECURITY C-5).
  ///
  /// - Parameters:
  ///   - hash: SHA-256 of it.
  ///   - until: Seconds since 1970, from when on it is refused anyway.
  func spend(hash: [UInt8], until: Int64, now: Int64, completion: @escaping Completion<Bool>)
}

/// What operators are shown of a session.
public struct ListedSession: Sendable, Equatable {
  /// The session's id, as `SessionRecord.id`.
  public let id: String
  /// Who it is, as the provider calls them: `sub`.
  public let subject: String
  /// The claims that routes are told: a JSON object in UTF-8.
  public let claims: [UInt8]
  /// When it began, in seconds since 1970.
  public let beganAt: Int64
  /// When it was last used, in seconds since 1970; it may be up to a minute behind.
  public let lastUsedAt: Int64
  /// When it ends, however often it is used, in seconds since 1970.
  public let expiresAt: Int64
}

/// A provider's order to end sessions (OpenID Connect Back-Channel Logout 1.0).
public struct SessionsEnd: Sendable {
  /// SHA-256 of what makes the order unique, so that it is carried out once.
  public let hash: [UInt8]
  /// From when on the order is refused anyway, in seconds since 1970.
  public let until: Int64
  /// Restricts the order to this subject; nil for all subjects.
  public let subject: String?
  /// Restricts the order to this session of the provider; nil for all of the subject's. An order that names neither
  /// ends none.
  public let providerSessionID: String?
  /// When the provider gave the order, in seconds since 1970 by its own clock.
  public let issuedAt: Int64
  /// How long a sign-in may be under way, in seconds: for so long what the order names is remembered.
  public let signInSecondsMax: Int64

  /// An order; one without `subject` and `providerSessionID` ends nothing.
  public init(
    hash: [UInt8], until: Int64, subject: String?, providerSessionID: String?, issuedAt: Int64,
    signInSecondsMax: Int64
  ) {
    self.hash = hash
    self.until = until
    self.subject = subject
    self.providerSessionID = providerSessionID
    self.issuedAt = issuedAt
    self.signInSecondsMax = signInSecondsMax
  }
}
