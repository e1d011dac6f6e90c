import Access
import Configuration
import HTTP
import Keys
import Reason
import Sockets
import Tokens

/// Who sends a request: the step from its bytes to an Identity.
struct TokenAuthentication {
  enum Outcome {
    /// `cached`: where the token stands in the loop's cache.
    case identity(Identity, cached: Int?)
    case refused(Reason, keyID: String?, provider: Int?)
    /// The provider's keys are on their way, or it may have published the one that the token names: worth one look.
    case needsKeys(provider: Int)
  }

  /// Whether the verified-token cache knew the token.
  private(set) var cache: CacheUse = .none
  /// Where the token stands.
  private(set) var credential: Credential = .absent
  /// Spent on a token that the cache did not know.
  private(set) var microseconds: Int64 = 0

  enum CacheUse { case none, hit, miss }
  /// Whether the route takes a request without a token.
  enum AnonymousUse { case allowed, refused }
  /// Whether the exchange may still wait for keys: once.
  enum KeyWait { case allowed, over }

  /// - Parameters:
  ///   - providers: Indices of the providers that the route names; at least one.
  ///   - waiting: Whether `needsKeys` is an answer.
  mutating func authenticate(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, providers: [Int], anonymous: AnonymousUse,
    waiting: KeyWait, in context: DecisionContext
  ) -> Outcome {
    var candidates = InlineCandidates()
    do throws(CredentialError) {
      for provider in providers {
        let found = try Credential.find(in: head, bytes, sources: context.active.credentialSources[provider])
        switch (credential, found) {
        case (_, .absent): continue
        case (.absent, _):
          credential = found
          candidates.append(provider)
        default:
          if TokenAuthentication.token(credential) == TokenAuthentication.token(found) { candidates.append(provider) }
        }
      }
    } catch {
      return .refused(error.reason, keyID: nil, provider: nil)
    }
    guard let range = TokenAuthentication.token(credential) else {
      return anonymous == .allowed
        ? .identity(.anonymous, cached: nil) : .refused(.credentialMissing, keyID: nil, provider: nil)
    }
    let token = bytes.extracting(range.lowerBound..<range.upperBound)
    let now = context.unixSeconds
    for index in 0..<candidates.count {
      let provider = candidates[index]
      if let hit = context.tokens.find(
        token, provider: provider, keyGeneration: context.keys.providers[provider].generation, now: now)
      {
        cache = .hit
        return .identity(.token(hit.token), cached: hit.index)
      }
    }
    cache = .miss
    let began = MonotonicTime.current
    defer { microseconds = (MonotonicTime.current.nanoseconds - began.nanoseconds) / 1000 }
    return verify(token, candidates, waiting, now, context)
  }

  private func verify(
    _ token: Span<UInt8>, _ candidates: InlineCandidates, _ waiting: KeyWait, _ now: UnixSeconds,
    _ context: DecisionContext
  ) -> Outcome {
    let configured = context.active.configuration.providers
    guard token.count <= context.active.configuration.limits.tokenBytesMax else {
      return .refused(.tokenTooLarge, keyID: nil, provider: nil)
    }
    // One provider needs no look at `iss` before the signature holds; several do, to choose (SECURITY T-11).
    var issuer: String?
    if candidates.count > 1 {
      do throws(TokenError) {
        issuer = try TokenVerifier.unverifiedIssuer(of: token)
      } catch {
        return .refused(error.reason, keyID: nil, provider: nil)
      }
    }
    var outcome = Outcome.refused(.issuerUnknown, keyID: nil, provider: nil)
    for index in 0..<candidates.count {
      let provider = candidates[index]
      if let issuer, configured[provider].policy.issuer != issuer { continue }
      let keys = context.keys.providers[provider]
      do throws(TokenError) {
        let verified = try context.active.verifiers[provider].verify(
          token, keys: keys.keySet, now: now, using: context.signatures)
        let place = context.tokens.insert(
          token, provider: provider, keyGeneration: keys.generation, verified: verified)
        return .identity(.token(verified), cached: place)
      } catch {
        if waiting == .allowed, TokenAuthentication.mayCure(error.reason, keys, context.now) {
          return .needsKeys(provider: provider)
        }
        outcome = .refused(error.reason, keyID: error.keyID, provider: provider)
      }
    }
    return outcome
  }

  /// Whether keys that are about to arrive may change the refusal.
  private static func mayCure(_ reason: Reason, _ keys: ProviderKeys, _ now: MonotonicTime) -> Bool {
    switch reason {
    case .keyUnknown: keys.refetchAllowedAt <= now
    // Right after the start the first fetch is under way.
    case .keysUnavailable: !keys.firstFetchEnded
    default: false
    }
  }

  private static func token(_ credential: Credential) -> ByteRange? {
    switch credential {
    case .absent: nil
    case .authorization(let range), .cookie(let range, _): range
    }
  }
}

/// The few providers that a token may be of.
private struct InlineCandidates {
  private var places = InlineArray<8, Int>(repeating: 0)
  private(set) var count = 0

  mutating func append(_ provider: Int) {
    guard count < 8 else { return }
    places[count] = provider
    count += 1
  }

  subscript(index: Int) -> Int { places[index] }
}
