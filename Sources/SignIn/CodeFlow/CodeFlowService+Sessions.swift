import Configuration
import Crypto
public import HTTP
import JSON
import Reason
import State
import Synchronization
public import Tokens

/// Who a session's cookie is of.
extension CodeFlowService {
  /// - Parameters:
  ///   - token: What the cookie holds.
  ///   - client: Who sent it; nil where there is no address.
  ///   - completion: Called once, from anywhere.
  public func introspect(
    _ token: [UInt8], client: IPAddress?, completion: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    // A flood of made-up cookies is refused beyond what can be looked up soon, and takes no more memory, nor the place of
    // those that others send.
    let sender = client?.counted
    guard lookUps.enter(sender) else { return completion(.unavailable) }
    onQueue { [self] in
      let named: SessionID?
      do throws(CryptoError) {
        named = if let text = String(validating: token, as: UTF8.self) { try SessionID(text) } else { nil }
      } catch {
        lookUps.leave(sender)
        failed(.crypto(error))
        return completion(.unavailable)
      }
      guard let session = named else {
        lookUps.leave(sender)
        return completion(.inactive)
      }
      find(session) { [self] found in
        // A provider that is slow to renew one holds up nobody else's.
        lookUps.leave(sender)
        switch found {
        case .failure(let fault):
          storeFailed(fault)
          completion(.unavailable)
        case .success(nil): completion(.inactive)
        case .success(let record?):
          // Who comes while it is being renewed hears what comes of it.
          if joins(session, completion) { return }
          if now < record.renewAt { return completion(judged(record, now: now)) }
          let isPaused = renewalPauses.withLock { $0.holds(session.hash, now: now) }
          if isPaused { completion(.unavailable) } else { renew(record, session, completion) }
        }
      }
    }
  }

  /// The session that the browser's cookie names; nil if there is none.
  func session(of request: LocalRequest) throws(CryptoError) -> SessionID? {
    guard let text = request.cookie(configuration.cookies.session) else { return nil }
    return try SessionID(text)
  }

  /// What routes are told of a session.
  func judged(_ record: SessionRecord, now: UnixSeconds) -> IntrospectionResult {
    let left = max(0, record.renewAt - now)
    // So it looks while it is taken for a renewal, whose outcome nobody tells other processes.
    let cacheSeconds = left <= CodeFlow.renewalTakenSeconds ? CodeFlow.renewedCacheSeconds : CodeFlow.cacheSeconds
    do throws(TokenError) {
      return .active(
        try IntrospectedToken(response: record.claims, policy, now: now, cacheSeconds: min(cacheSeconds, left)))
    } catch {
      return .refused(error)
    }
  }

  /// As routes name whose session it is; nil where it is not good any more.
  func subject(of record: SessionRecord, now: UnixSeconds) -> String? {
    let (unused, isOverflown) = now.subtractingReportingOverflow(record.lastUsedAt)
    guard !isOverflown, unused <= configuration.idleSeconds,
      case .active(let session) = judged(record, now: now), !isRevoked(session.claims)
    else { return nil }
    return session.claims.subject
  }

  func find(
    _ session: SessionID, _ completion: @escaping @Sendable (Result<SessionRecord?, StoreFault>) -> Void
  ) {
    store.find(hash: session.hash, provider: provider, now: now, idleSeconds: configuration.idleSeconds) {
      [self] result in onQueue { completion(result) }
    }
  }

  /// False where nobody renews it here. Where as many wait as may, nobody can say soon.
  private func joins(
    _ session: SessionID, _ completion: @escaping @Sendable (IntrospectionResult) -> Void
  ) -> Bool {
    let waiters = renewals.withLock { renewals in
      guard let waiters = renewals[session.hash]?.count else { return 0 }
      if waiters < Limits.renewalWaitersMax { renewals[session.hash]?.append(completion) }
      return waiters
    }
    if waiters >= Limits.renewalWaitersMax { completion(.unavailable) }
    return waiters > 0
  }

  // MARK: Renewal

  /// Asks the provider whether the session goes on: once at a time, whoever waits for it.
  private func renew(
    _ record: SessionRecord, _ session: SessionID, _ completion: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    let isFirst = renewals.withLock { renewals in
      renewals[session.hash, default: []].append(completion)
      return renewals[session.hash]?.count == 1
    }
    guard isFirst else { return }
    let ended: @Sendable (IntrospectionResult) -> Void = { [self] result in
      let waiting = renewals.withLock { $0.removeValue(forKey: session.hash) } ?? []
      for completion in waiting { completion(result) }
    }
    let opened: SessionTokens?
    do throws(CryptoError) {
      opened = try session.open(record.sealedTokens)
    } catch {
      failed(.crypto(error), ofRenewal: true)
      return ended(.unavailable)
    }
    // They are sealed with what its cookie holds: others' stand in their place, for good.
    guard let sealed = opened else {
      return stop(record, session, why: "its tokens in the database are not the ones that were sealed for it", ended)
    }
    guard let refreshToken = sealed.refreshToken else {
      return stop(record, session, why: "there is no refresh token", ended)
    }
    // Taken before the provider is asked: where each refresh token is good once, another process that asks meanwhile
    // would be told that the session is over.
    var taken = record
    taken.renewAt = min(record.expiresAt, now + CodeFlow.renewalTakenSeconds)
    let renewal = Renewal(session: session, found: record, record: taken, tokens: sealed, ended: ended)
    store.renew(taken, hash: session.hash, found: record.renewAt) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          ended(.unavailable)
        case .success(false): lookAgain(session, since: record, ended) { ended(.unavailable) }
        case .success(true): ask(refreshToken, renewal)
        }
      }
    }
  }

  /// A renewal that this process has taken on.
  private struct Renewal: Sendable {
    let session: SessionID
    /// As it was before.
    let found: SessionRecord
    /// As everybody finds it meanwhile.
    let record: SessionRecord
    let tokens: SessionTokens
    let ended: @Sendable (IntrospectionResult) -> Void
  }

  private func ask(_ refreshToken: String, _ renewal: Renewal) {
    access.endpoints { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault): giveBack(renewal, fault)
        case .success(let endpoints):
          ask(.refresh(refreshToken), at: endpoints.token) { [self] result in
            switch result {
            case .success(let tokens): renew(renewal, tokens, endpoints)
            // RFC 6749 §5.2: it is over, or another process has used it after all.
            case .failure(let fault) where fault.endsSession:
              lookAgain(renewal.session, since: renewal.record, renewal.ended) { [self] in
                stop(renewal.record, renewal.session, why: fault.description, renewal.ended)
              }
            case .failure(let fault): giveBack(renewal, fault)
            }
          }
        }
      }
    }
  }

  private func renew(_ renewal: Renewal, _ tokens: TokenResponse, _ endpoints: ProviderEndpoints) {
    let record = renewal.record
    guard let idToken = tokens.idToken else {
      // There need not be another one (OpenID Connect Core 1.0 §12.2): what the one before says still holds.
      guard let kept = renewal.tokens.idToken.flatMap({ IDToken(keptBySession: $0) }) else {
        return keep(renewal, tokens, nil, claims: record.claims)
      }
      return renew(renewal, tokens, kept, endpoints)
    }
    let occasion = IDTokenVerifier.Occasion.refresh(subject: record.subject, nonce: renewal.tokens.nonce)
    verify(idToken, for: occasion, accessToken: tokens.accessToken) { [self] result in
      switch result {
      // It may be good: nobody could say.
      case .failure(let fault) where fault.mayBeCuredByKeys || fault.reason == .internalError:
        postpone(renewal, tokens, fault)
      case .failure(let fault): stop(record, renewal.session, why: fault.description, renewal.ended)
      case .success(let idToken): renew(renewal, tokens, idToken, endpoints)
      }
    }
  }

  private func renew(
    _ renewal: Renewal, _ tokens: TokenResponse, _ idToken: IDToken, _ endpoints: ProviderEndpoints
  ) {
    let record = renewal.record
    userinfo(of: idToken, accessToken: tokens.accessToken, endpoints) { [self] result in
      switch result {
      case .failure(let fault) where fault.endsSessionByUserinfo:
        stop(record, renewal.session, why: fault.description, renewal.ended)
      // What was known until now may be what has been taken away.
      case .failure(let fault): postpone(renewal, tokens, fault)
      case .success(let userinfo):
        keep(
          renewal, tokens, idToken.text,
          claims: SessionClaims.make(
            idToken.claims, userinfo: userinfo, id: record.id, expiresAt: record.expiresAt, before: record.claims))
      }
    }
  }

  /// Who somebody is now is not known, and a later request asks anew: with the refresh token that came, as the one before
  /// may be over.
  private func postpone(_ renewal: Renewal, _ tokens: TokenResponse, _ fault: CodeFlowFault) {
    failed(fault, ofRenewal: true)
    pause(renewal.session)
    var sealed = renewal.tokens
    if let refreshToken = tokens.refreshToken { sealed.refreshToken = refreshToken }
    guard let sealedTokens = seal(sealed, renewal) else { return }
    var postponed = renewal.found
    postponed.sealedTokens = sealedTokens
    write(postponed, renewal, tries: Limits.storeTries)
  }

  private func keep(_ renewal: Renewal, _ tokens: TokenResponse, _ idToken: String?, claims: [UInt8]) {
    var sealed = renewal.tokens
    if let refreshToken = tokens.refreshToken { sealed.refreshToken = refreshToken }
    sealed.idToken = idToken
    guard let sealedTokens = seal(sealed, renewal) else { return }
    var renewed = renewal.record
    renewed.claims = claims
    renewed.sealedTokens = sealedTokens
    renewed.renewAt = tokens.renewAt(now: now, sessionEnds: renewed.expiresAt, refreshToken: sealed.refreshToken)
    write(renewed, renewal, tries: Limits.storeTries)
  }

  /// nil where OpenSSL fails, which ends the renewal: what the provider gave is lost, and what it gave before may be over.
  private func seal(_ tokens: SessionTokens, _ renewal: Renewal) -> [UInt8]? {
    do throws(CryptoError) {
      return try renewal.session.seal(tokens)
    } catch {
      failed(.crypto(error), ofRenewal: true)
      renewal.ended(.unavailable)
      return nil
    }
  }

  /// What the provider gave has taken the place of what is in the store: where it is not kept, the session is over. All
  /// tries together are shorter than `CodeFlow.renewalTakenSeconds`.
  private func write(_ kept: SessionRecord, _ renewal: Renewal, tries: Int) {
    store.renew(kept, hash: renewal.session.hash, found: renewal.record.renewAt) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          if tries > 1 { return write(kept, renewal, tries: tries - 1) }
          renewal.ended(.unavailable)
        case .success(true): renewal.ended(now < kept.renewAt ? judged(kept, now: now) : .unavailable)
        case .success(false):
          lookAgain(renewal.session, since: renewal.record, renewal.ended) { renewal.ended(.unavailable) }
        }
      }
    }
  }

  /// Another process may have taken on the renewal, or ended the session.
  ///
  /// - Parameter otherwise: Where it is as it was.
  private func lookAgain(
    _ session: SessionID, since record: SessionRecord, _ ended: @escaping @Sendable (IntrospectionResult) -> Void,
    otherwise: @escaping @Sendable () -> Void
  ) {
    find(session) { [self] found in
      switch found {
      case .failure(let fault):
        storeFailed(fault)
        ended(.unavailable)
      case .success(nil): ended(.inactive)
      case .success(let other?):
        guard other.renewAt != record.renewAt, now < other.renewAt else { return otherwise() }
        ended(judged(other, now: now))
      }
    }
  }

  /// The provider did not say whether the session goes on: it is asked again with a request some seconds later.
  private func giveBack(_ renewal: Renewal, _ fault: CodeFlowFault) {
    failed(fault, ofRenewal: true)
    pause(renewal.session)
    store.renew(renewal.found, hash: renewal.session.hash, found: renewal.record.renewAt) { [self] result in
      if case .failure(let fault) = result { storeFailed(fault) }
      renewal.ended(.unavailable)
    }
  }

  private func pause(_ session: SessionID) { renewalPauses.withLock { $0.begin(session.hash, now: now) } }

  private func stop(
    _ record: SessionRecord, _ session: SessionID, why: String,
    _ ended: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    store.end(hash: session.hash, provider: provider, now: now) { [self] result in
      if case .failure(let fault) = result { storeFailed(fault) }
      say(.notRenewed(id: record.id, why: why))
      endSessions([record.id]) { ended(.inactive) }
    }
  }
}
