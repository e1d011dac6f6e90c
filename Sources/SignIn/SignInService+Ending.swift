import Crypto
import State

/// Ending sign-ins, in the store and on every loop.
extension SignInService {
  /// Ends what a refresh token is of, in the store and on every loop.
  ///
  /// - Parameter completion: Given what went on until now; nil: nothing did.
  func endSignIn(
    byRefreshToken text: String, _ completion: @escaping @Sendable (Result<EndedByToken?, Fault>) -> Void
  ) {
    let named: RefreshToken?
    do throws(CryptoError) {
      named = try RefreshToken(text)
    } catch {
      failed(error.description)
      return completion(.failure(.failed))
    }
    guard let token = named else { return completion(.success(nil)) }
    state.store.end(hash: token.hash, provider: provider, now: now, terms: refreshTerms(.atOnce)) { [self] result in
      onQueue { [self] in
        switch result {
        case .success(let ended?): end([ended.record.id]) { completion(.success(ended)) }
        case .success(nil): completion(.success(nil))
        case .failure(let fault):
          storeFailed(fault)
          completion(.failure(.unavailable))
        }
      }
    }
  }

  /// A user has another password: all of their sign-ins end but `kept`. Where the store fails, those end at their next
  /// refresh.
  ///
  /// - Parameter completion: Given whether they have ended; called once, when that is tried no more.
  func endOthers(
    of subject: String, than kept: String?, digest: [UInt8], tries: Int = Limits.storeTries,
    _ completion: @escaping @Sendable (Bool) -> Void
  ) {
    state.store.changePassword(subject: subject, provider: provider, digest: digest, kept: kept, now: now) {
      [self] result in
      onQueue { [self] in
        switch result {
        case .success(let ids): end(ids) { completion(true) }
        case .failure(let fault):
          storeFailed(fault)
          guard tries > 1 else { return completion(false) }
          endOthers(of: subject, than: kept, digest: digest, tries: tries - 1, completion)
        }
      }
    }
  }

  /// Ends a sign-in, in the store and on every loop.
  ///
  /// - Parameter completion: Given whether it could be done.
  func endSignIn(_ id: String, _ completion: @escaping @Sendable (Bool) -> Void) {
    state.store.end(id: id, provider: provider, now: now) { [self] result in
      onQueue { [self] in
        guard case .success = result else {
          if case .failure(let fault) = result { storeFailed(fault) }
          return completion(false)
        }
        end([id]) { completion(true) }
      }
    }
  }

  /// Ends all sign-ins of a user.
  ///
  /// - Parameter completion: Given how many there were; nil: it could not be done.
  func endAll(of subject: String, _ completion: @escaping @Sendable (Int?) -> Void) {
    state.store.endAll(subject: subject, provider: provider, now: now) { [self] result in
      onQueue { [self] in
        switch result {
        case .success(let ids): end(ids) { completion(ids.count) }
        case .failure(let fault):
          storeFailed(fault)
          completion(nil)
        }
      }
    }
  }
}
