/// A store that is always empty: it remembers nothing and finds nothing. No operation fails, and each calls its
/// completion at once.
public final class EmptyStore: SignInStore, SessionStore {
  /// An empty store, which needs no file.
  public init() {}

  /// Gives an empty list.
  public func newlyEnded(completion: @escaping Completion<[EndedSignIn]>) { completion(.success([])) }

  /// Succeeds, and remembers nothing.
  public func revoke(
    token id: String, provider: String, until: Int64, now: Int64, completion: @escaping Completion<Void>
  ) {
    completion(.success(()))
  }

  /// Calls neither closure.
  public func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void
  ) {}

  /// Gives an empty list, and keeps nothing.
  public func begin(
    _ record: SignInRecord, hash: RefreshTokenHash, former: RefreshTokenHash?,
    completion: @escaping Completion<[String]>
  ) {
    completion(.success([]))
  }

  /// Gives the id of `record`, and keeps nothing.
  public func goOn(_ record: SignInRecord, hash: RefreshTokenHash, completion: @escaping Completion<String>) {
    completion(.success(record.id))
  }

  /// Gives `refused`: there is no such token.
  public func refresh(
    hash: RefreshTokenHash, provider: String, replacement: [UInt8], now: Int64, terms: RefreshTerms,
    deadline: ContinuousClock.Instant, completion: @escaping Completion<RefreshOutcome>
  ) {
    completion(.success(.refused))
  }

  /// Gives nil: there is no such sign-in.
  public func end(
    hash: RefreshTokenHash, provider: String, now: Int64, terms: RefreshTerms,
    completion: @escaping Completion<EndedByToken?>
  ) {
    completion(.success(nil))
  }

  /// Gives false: nothing is done.
  public func intendPassword(
    id: String, provider: String, digest: [UInt8], now: Int64, deadline: ContinuousClock.Instant,
    completion: @escaping Completion<Bool>
  ) {
    completion(.success(false))
  }

  /// Gives an empty list: nothing has ended.
  public func changePassword(
    subject: String, provider: String, digest: [UInt8], kept: String?, now: Int64,
    completion: @escaping Completion<[String]>
  ) {
    completion(.success([]))
  }

  /// Gives false: there is none with this id.
  public func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    completion(.success(false))
  }

  /// Gives an empty list: nothing has ended.
  public func endAll(subject: String, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    completion(.success([]))
  }

  /// Gives an empty list.
  public func list(provider: String, subject: String?, now: Int64, completion: @escaping Completion<[SignInRecord]>) {
    completion(.success([]))
  }

  /// Gives an empty list, and keeps nothing.
  public func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, origin: SessionOrigin,
    completion: @escaping Completion<[String]?>
  ) {
    completion(.success([]))
  }

  /// Gives nil: there is no such session.
  public func find(
    hash: [UInt8], provider: String, now: Int64, idleSeconds: Int64, completion: @escaping Completion<SessionRecord?>
  ) {
    completion(.success(nil))
  }

  /// Gives false: there is no such session.
  public func renew(_ record: SessionRecord, hash: [UInt8], found: Int64, completion: @escaping Completion<Bool>) {
    completion(.success(false))
  }

  /// Gives nil: there is no such session.
  public func end(hash: [UInt8], provider: String, now: Int64, completion: @escaping Completion<SessionRecord?>) {
    completion(.success(nil))
  }

  /// Gives an empty list, even if the same order came before.
  public func endAll(_ order: SessionsEnd, provider: String, now: Int64, completion: @escaping Completion<[String]?>) {
    completion(.success([]))
  }

  /// Gives an empty list: nothing has ended.
  public func endAll(subject: String?, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    completion(.success([]))
  }

  /// Gives an empty list.
  public func list(
    provider: String, subject: String?, now: Int64, idleSeconds: Int64,
    completion: @escaping Completion<[ListedSession]>
  ) {
    completion(.success([]))
  }

  /// Gives true, even if the same was spent before.
  public func spend(hash: [UInt8], until: Int64, now: Int64, completion: @escaping Completion<Bool>) {
    completion(.success(true))
  }
}
