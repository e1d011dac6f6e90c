/// Where sign-ins and the hashes of their refresh tokens are kept.
///
/// What was acknowledged outlives the process and the machine. Completions are called once, on a queue of the store's.
public protocol SignInStore: EndingStore {
  /// Keeps a new sign-in.
  ///
  /// - Parameters:
  ///   - hash: Of its first refresh token.
  ///   - former: A refresh token of the sign-in that the same browser had, which ends (SECURITY C-9).
  ///   - completion: Given the ids of those that have ended: that one, and where the user has more than
  ///     `SignInLimits.perSubject` those that were used longest ago.
  func begin(
    _ record: SignInRecord, hash: RefreshTokenHash, former: RefreshTokenHash?,
    completion: @escaping Completion<[String]>)

  /// Goes on with the sign-in of the same subject that the same secret has begun, or keeps `record` as a new one: a
  /// program asks for each of its tokens with its secret, and those of one secret are one sign-in.
  ///
  /// - Parameters:
  ///   - hash: Of a refresh token that nobody has.
  ///   - completion: Given the id of the sign-in.
  func goOn(_ record: SignInRecord, hash: RefreshTokenHash, completion: @escaping Completion<String>)

  /// Uses the refresh token with this hash, and gives it a successor (RFC 9700 §4.14.2).
  ///
  /// - Parameters:
  ///   - replacement: SHA-256 of the next one, which has the same first part.
  ///   - now: Seconds since 1970.
  ///   - deadline: From then on nothing is done: nobody waits for it any more, and a token that was replaced without its
  ///     holder being told would end the sign-in.
  func refresh(
    hash: RefreshTokenHash, provider: String, replacement: [UInt8], now: Int64, terms: RefreshTerms,
    deadline: ContinuousClock.Instant, completion: @escaping Completion<RefreshOutcome>)

  /// Ends the sign-in that a refresh token is of, whether it was replaced or not; nil where none goes on.
  func end(
    hash: RefreshTokenHash, provider: String, now: Int64, terms: RefreshTerms,
    completion: @escaping Completion<EndedByToken?>)

  /// A user is about to have another password: the sign-in goes on with it too, whether it comes to that or not. False
  /// after `deadline`, when nothing is done.
  func intendPassword(
    id: String, provider: String, digest: [UInt8], now: Int64, deadline: ContinuousClock.Instant,
    completion: @escaping Completion<Bool>)

  /// A user has another password: ends all of their sign-ins but `kept`, which goes on with it. The ids of those that went
  /// on until now.
  func changePassword(
    subject: String, provider: String, digest: [UInt8], kept: String?, now: Int64,
    completion: @escaping Completion<[String]>)

  /// Ends a sign-in; false where there is none that goes on.
  func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>)

  /// Ends all sign-ins of a user; the ids of those that went on until now.
  func endAll(subject: String, provider: String, now: Int64, completion: @escaping Completion<[String]>)

  /// The sign-ins that go on, those used last first.
  ///
  /// - Parameter subject: Of this user; nil: all.
  func list(provider: String, subject: String?, now: Int64, completion: @escaping Completion<[SignInRecord]>)
}

/// What is known of a refresh token.
///
/// A token is random bytes, whose first part, at least 16 of them, stays the same through all tokens of a sign-in; the
/// rest, at least 16, is new in each. So one row tells a token that was replaced, however long ago, from one that never
/// was; and the first part is as secret as the whole, so that nobody ends a sign-in who never had a token of it.
public struct RefreshTokenHash: Sendable {
  /// SHA-256 of the first part.
  public let family: [UInt8]
  /// SHA-256 of the whole token.
  public let whole: [UInt8]

  /// The hashes of one token.
  public init(family: [UInt8], whole: [UInt8]) {
    self.family = family
    self.whole = whole
  }
}

/// How long refresh tokens are valid.
public struct RefreshTerms: Sendable, Equatable {
  /// How long a token that was replaced still gets an access token, as two tabs may use the same one.
  public let graceSeconds: Int64
  /// After how many seconds without use a sign-in ends.
  public let idleSeconds: Int64
  /// How many seconds the access token is valid that is issued for it.
  public let tokenSeconds: Int64
  /// When the token that was used counts as replaced.
  public let replacement: Replacement

  /// When a token that was used counts as replaced.
  public enum Replacement: Sendable {
    /// As soon as it is used.
    case atOnce
    /// When a successor is first used, as the response may never reach the client. Until then the token stays valid,
    /// and each use gives another successor.
    case onceSuccessorIsUsed
  }

  /// Terms; by default a token is replaced as soon as it is used.
  public init(graceSeconds: Int64, idleSeconds: Int64, tokenSeconds: Int64, replacement: Replacement = .atOnce) {
    self.graceSeconds = graceSeconds
    self.idleSeconds = idleSeconds
    self.tokenSeconds = tokenSeconds
    self.replacement = replacement
  }
}

/// What became of the use of a refresh token.
public enum RefreshOutcome: Sendable, Equatable {
  /// It has a successor now.
  case rotated(SignInRecord)
  /// It was replaced, but within the grace: it gets an access token, and no refresh token.
  case repeated(SignInRecord)
  /// It was replaced longer ago than the grace: someone has stolen it or its successor, and the sign-in has ended
  /// (SECURITY C-10).
  case reused(SignInRecord)
  /// There is no such token, or its sign-in has ended.
  case refused
  /// Its turn came too late, and nothing was done: it is as valid as before.
  case abandoned
}

/// The sign-in that a refresh token has ended.
public struct EndedByToken: Sendable, Equatable {
  /// The sign-in, as it was.
  public let record: SignInRecord
  /// What the token was good for.
  public let token: Standing

  /// What the token was good for until then.
  public enum Standing: Sendable {
    /// For an access token.
    case good
    /// For nothing: it had been replaced before the grace, or nothing but its first part is of the sign-in, which cannot
    /// be told apart. Whoever sent it may have no other.
    case replaced
    /// For nothing: the sign-in was over, or was not used for too long.
    case over
  }
}

/// Bounds on sign-ins and sessions.
public enum SignInLimits {
  /// How many sign-ins, or sessions, one subject may have at a provider; the one that was used longest ago makes room.
  public static let perSubject = 100
}

/// A sign-in, a session or a token that has ended, or a note of that.
public struct EndedSignIn: Sendable, Equatable {
  /// What ended, by the claim that tokens name it with.
  public enum Kind: String, Sendable, CaseIterable {
    case signIn = "sid"
    case token = "jti"
    /// Nothing by itself: `note`.
    case note
  }

  /// What ended.
  public let kind: Kind
  /// The value of that claim.
  public let id: String
  /// The name of the provider that it is of.
  public let provider: String
  /// Until when it must be known, in seconds since 1970: `clockSlackSeconds` longer than tokens of it may be valid.
  public let until: Int64

  /// If the clock is ahead by less than this and then corrected, nothing has been forgotten that would be valid again.
  public static let clockSlackSeconds: Int64 = 3600
  /// How long it has to be known of a session: a loop takes the store's word for one for less than the minute.
  public static let sessionKnownSeconds = clockSlackSeconds + 60

  /// Something that has ended; by default a sign-in or a session.
  public init(_ kind: Kind = .signIn, id: String, provider: String, until: Int64) {
    self.kind = kind
    self.id = id
    self.provider = provider
    self.until = until
  }
}

/// A store could not do what it was asked.
public struct StoreFault: Error, Sendable, Equatable, CustomStringConvertible {
  /// For operators: the database's words.
  public let description: String
  /// Whether somebody else holds the database: it is nobody's fault who asked.
  let isBusy: Bool

  /// A fault with that text.
  public init(_ description: String) { self.init(description, isBusy: false) }

  init(_ description: String, isBusy: Bool) {
    self.description = description
    self.isBusy = isBusy
  }
}
