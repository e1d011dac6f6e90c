/// A store that is always empty: it remembers nothing and finds nothing. No operation fails, and each calls its
/// completion at once.
public final class EmptyStore: SignInStore, SessionStore {
  public init() {}

  public func newlyEnded(completion: @escaping Completion<[EndedSignIn]>) { completion(.success([])) }

  public func revoke(
    token id: String, provider: String, until: Int64, now: Int64, completion: @escaping Completion<Void>
  ) {
    completion(.success(()))
  }

  public func watch(
    every interval: Duration, changed: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void
  ) {}

  public func begin(
    _ record: SignInRecord, hash: RefreshTokenHash, former: RefreshTokenHash?,
    completion: @escaping Completion<[String]>
  ) {
    completion(.success([]))
  }

  public func goOn(_ record: SignInRecord, hash: RefreshTokenHash, completion: @escaping Completion<String>) {
    completion(.success(record.id))
  }

  public func refresh(
    hash: RefreshTokenHash, provider: String, replacement: [UInt8], now: Int64, terms: RefreshTerms,
    deadline: ContinuousClock.Instant, completion: @escaping Completion<RefreshOutcome>
  ) {
    completion(.success(.refused))
  }

  public func end(
    hash: RefreshTokenHash, provider: String, now: Int64, terms: RefreshTerms,
    completion: @escaping Completion<EndedByToken?>
  ) {
    completion(.success(nil))
  }

  public func intendPassword(
    id: String, provider: String, digest: [UInt8], now: Int64, deadline: ContinuousClock.Instant,
    completion: @escaping Completion<Bool>
  ) {
    completion(.success(false))
  }

  public func changePassword(
    subject: String, provider: String, digest: [UInt8], kept: String?, now: Int64,
    completion: @escaping Completion<[String]>
  ) {
    completion(.success([]))
  }

  public func end(id: String, provider: String, now: Int64, completion: @escaping Completion<Bool>) {
    completion(.success(false))
  }

  public func endAll(subject: String, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    completion(.success([]))
  }

  public func list(provider: String, subject: String?, now: Int64, completion: @escaping Completion<[SignInRecord]>) {
    completion(.success([]))
  }

  public func begin(
    _ record: SessionRecord, hash: [UInt8], former: [UInt8]?, completion: @escaping Completion<[String]>
  ) {
    completion(.success([]))
  }

  public func find(
    hash: [UInt8], provider: String, now: Int64, idleSeconds: Int64, completion: @escaping Completion<SessionRecord?>
  ) {
    completion(.success(nil))
  }

  public func renew(_ record: SessionRecord, hash: [UInt8], found: Int64, completion: @escaping Completion<Bool>) {
    completion(.success(false))
  }

  public func end(hash: [UInt8], provider: String, now: Int64, completion: @escaping Completion<SessionRecord?>) {
    completion(.success(nil))
  }

  public func endAll(_ order: SessionsEnd, provider: String, now: Int64, completion: @escaping Completion<[String]?>) {
    completion(.success([]))
  }

  public func endAll(subject: String?, provider: String, now: Int64, completion: @escaping Completion<[String]>) {
    completion(.success([]))
  }

  public func list(
    provider: String, subject: String?, now: Int64, idleSeconds: Int64,
    completion: @escaping Completion<[ListedSession]>
  ) {
    completion(.success([]))
  }

  public func spend(hash: [UInt8], until: Int64, now: Int64, completion: @escaping Completion<Bool>) {
    completion(.success(true))
  }
}
