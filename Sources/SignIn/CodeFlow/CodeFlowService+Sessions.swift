import Configuration
import Crypto
import JSON
import State
import Synchronization
public import Tokens

/// Who a session's cookie is of.
extension CodeFlowService {
  /// - Parameters:
  ///   - token: What the cookie holds.
  ///   - completion: Called once, from anywhere.
  public func introspect(_ token: [UInt8], completion: @escaping @Sendable (IntrospectionResult) -> Void) {
    onQueue { [self] in
      guard let text = String(validating: token, as: UTF8.self), let session = SessionID(text) else {
        return completion(.inactive)
      }
      find(session) { [self] found in
        switch found {
        case .failure(let fault):
          say(.storeFailed(fault.description))
          completion(.unavailable)
        case .success(nil): completion(.inactive)
        case .success(let record?):
          if now < record.renewAt { completion(judged(record, now: now)) } else { renew(record, session, completion) }
        }
      }
    }
  }

  /// What routes are told of a session.
  func judged(_ record: SessionRecord, now: UnixSeconds) -> IntrospectionResult {
    do throws(TokenError) {
      return .active(
        try IntrospectedToken(
          answer: record.claims, policy, now: now,
          cacheSeconds: min(CodeFlow.cacheSeconds, max(0, record.renewAt - now))))
    } catch {
      return .refused(error)
    }
  }

  private func find(
    _ session: SessionID, _ completion: @escaping @Sendable (Result<SessionRecord?, StoreFault>) -> Void
  ) {
    store.find(hash: session.hash, provider: provider, now: now, idleSeconds: configuration.idleSeconds) {
      [self] result in onQueue { completion(result) }
    }
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
    guard let sealed = try? session.open(record.sealedTokens), let refreshToken = sealed.refreshToken else {
      return stop(record, session, why: "there is no refresh token", ended)
    }
    access.endpoints { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault): notAnswered(fault, ended)
        case .success(let endpoints):
          ask(.refresh(refreshToken), at: endpoints.token) { [self] result in
            switch result {
            case .success(let tokens): renew(record, session, sealed, tokens, endpoints, ended)
            // RFC 6749 §5.2: it is over, or another process has used it.
            case .failure(.refused(error: "invalid_grant")): lookAgain(record, session, ended)
            case .failure(let fault): notAnswered(fault, ended)
            }
          }
        }
      }
    }
  }

  private func renew(
    _ record: SessionRecord, _ session: SessionID, _ sealed: SessionTokens, _ tokens: TokenResponse,
    _ endpoints: ProviderEndpoints, _ ended: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    var next = sealed
    if let refreshToken = tokens.refreshToken { next.refreshToken = refreshToken }
    let kept = next
    guard let idToken = tokens.idToken else {
      return keep(record, session, kept, tokens, claims: record.claims, ended)
    }
    let occasion = IDTokenVerifier.Occasion.refresh(subject: record.subject, nonce: sealed.nonce)
    verify(idToken, for: occasion, accessToken: tokens.accessToken) { [self] result in
      switch result {
      case .failure(let fault):
        failed(fault)
        stop(record, session, why: fault.description, ended)
      case .success(let idToken):
        userinfo(of: idToken, accessToken: tokens.accessToken, endpoints) { [self] result in
          switch result {
          case .failure(let fault):
            // The new refresh token has to be kept all the same: the old one may be over.
            failed(fault)
            keep(record, session, kept, tokens, claims: record.claims, ended)
          case .success(let userinfo):
            keep(
              record, session, kept, tokens,
              claims: SessionClaims.make(
                idToken.claims, userinfo: userinfo, id: record.id, expiresAt: record.expiresAt), ended)
          }
        }
      }
    }
  }

  private func keep(
    _ record: SessionRecord, _ session: SessionID, _ sealed: SessionTokens, _ tokens: TokenResponse, claims: [UInt8],
    _ ended: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    guard let sealedTokens = try? session.seal(sealed) else { return ended(.unavailable) }
    var renewed = record
    renewed.claims = claims
    renewed.sealedTokens = sealedTokens
    renewed.renewAt = tokens.renewAt(now: now, sessionEnds: record.expiresAt, refreshToken: sealed.refreshToken)
    let kept = renewed
    store.renew(kept, hash: session.hash, found: record.renewAt) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          say(.storeFailed(fault.description))
          ended(.unavailable)
        case .success(true): ended(judged(kept, now: now))
        case .success(false): lookAgain(record, session, ended)
        }
      }
    }
  }

  /// Another process may have renewed the session, or ended it.
  private func lookAgain(
    _ record: SessionRecord, _ session: SessionID, _ ended: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    find(session) { [self] found in
      switch found {
      case .failure(let fault):
        say(.storeFailed(fault.description))
        ended(.unavailable)
      case .success(nil): ended(.inactive)
      case .success(let other?):
        if now < other.renewAt { return ended(judged(other, now: now)) }
        stop(record, session, why: "the provider does not go on with it", ended)
      }
    }
  }

  private func notAnswered(_ fault: CodeFlowFault, _ ended: @Sendable (IntrospectionResult) -> Void) {
    failed(fault)
    ended(.unavailable)
  }

  private func stop(
    _ record: SessionRecord, _ session: SessionID, why: String,
    _ ended: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    store.end(hash: session.hash, provider: provider, now: now) { [self] result in
      if case .failure(let fault) = result { say(.storeFailed(fault.description)) }
      say(.notRenewed(id: record.id, why: why))
      endSessions([record.id]) { ended(.inactive) }
    }
  }
}
