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
    /// The provider's issuer has to be asked about the token, or the store of sessions about the session.
    case needsIntrospection(provider: Int, token: [UInt8], isSession: Bool)
  }

  /// Whether the verified-token cache knew the token.
  var cache: CacheUse = .none
  /// Where the token stands.
  private(set) var credential: Credential = .absent
  /// The provider of the token that was found good.
  var provider = -1
  /// What a token was refused for last whose claims are believed: its signature held, or its issuer stated them.
  private(set) var refusedClaims: RefusedClaims?
  /// Spent on a token that the cache did not know, and on the proof that came with it.
  private(set) var microseconds: Int64 = 0

  enum CacheUse { case none, hit, miss }
  /// Whether the exchange may still wait, once, or what it has waited for.
  enum Wait {
    case allowed
    /// For keys, which are there now or will not come.
    case over
    case introspected(IntrospectionResult)
  }

  /// - Parameters:
  ///   - isWebSocket: Whether the request is a WebSocket's handshake.
  ///   - renewed: What came of the request's refresh token: its access token goes before any cookie.
  ///   - waiting: Whether `needsKeys` and `needsIntrospection` are answers.
  mutating func authenticate(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, for route: ActiveRoute, isWebSocket: Bool, renewed: Renewal?,
    waiting: Wait, in context: DecisionContext
  ) -> Outcome {
    let outcome: Outcome
    if let renewed, let token = renewed.token,
      let provider = route.provider(named: renewed.provider, in: context.active)
    {
      // The cookie that the browser will have of it: what holds of cookies holds of this one (SECURITY C-14).
      credential = .cookie(.empty)
      var candidates = InlineCandidates()
      candidates.append(provider)
      outcome = identify(token.span, candidates, waiting: waiting, in: context)
    } else {
      outcome = identify(head, bytes, for: route, isWebSocket: isWebSocket, waiting: waiting, in: context)
    }
    guard case .identity(let identity, _) = outcome else { return outcome }
    switch identity {
    case .anonymous, .certificate: return outcome
    case .token(let token):
      guard let reason = refusal(ofSenderOf: token.claims, head, bytes, in: context) else { return outcome }
      return .refused(reason, keyID: token.keyID, provider: provider)
    case .introspected(let token):
      guard let reason = refusal(ofSenderOf: token.claims, head, bytes, in: context) else { return outcome }
      return .refused(reason, keyID: nil, provider: provider)
    }
  }

  /// Why whoever sends the token with these claims, which is good, may not: the last step, as a proof is good for one
  /// request.
  private mutating func refusal(
    ofSenderOf claims: ClaimsSet, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, in context: DecisionContext
  ) -> Reason? {
    let constraint = SenderConstraint(
      confirmation: claims.confirmation, credential: credential,
      use: context.active.credentialPlaces[provider].dpop)
    if constraint.isNone { return nil }
    guard let range = credential.range else {
      context.failed("a token has no place in its request")
      return .internalError
    }
    let began = MonotonicTime.current
    defer { microseconds += MonotonicTime.current.microseconds(since: began) }
    return constraint.refusal(
      head, bytes, token: bytes.extracting(range.lowerBound..<range.upperBound),
      leewaySeconds: context.active.verifiers[provider].policy.leewaySeconds, in: context)
  }

  private mutating func identify(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, for route: ActiveRoute, isWebSocket: Bool, waiting: Wait,
    in context: DecisionContext
  ) -> Outcome {
    let candidates: InlineCandidates
    do throws(CredentialError) {
      candidates = try find(head, bytes, for: route, isWebSocket: isWebSocket, in: context)
    } catch {
      return .refused(error.reason, keyID: nil, provider: nil)
    }
    guard let range = credential.range else {
      if let outcome = identifyByCertificate(for: route, in: context) { return outcome }
      if route.tokenUse == .optional { return .identity(.anonymous, cached: nil) }
      return .refused(route.configuration.rule.anonymousRefusal, keyID: nil, provider: nil)
    }
    let token = bytes.extracting(range.lowerBound..<range.upperBound)
    return identify(token, candidates, waiting: waiting, in: context)
  }

  private mutating func identify(
    _ token: Span<UInt8>, _ candidates: InlineCandidates, waiting: Wait, in context: DecisionContext
  ) -> Outcome {
    let now = context.unixSeconds
    for index in 0..<candidates.count {
      let provider = candidates[index]
      let generation = context.keys.providers[provider].generation
      let place = place(of: provider, in: context)
      if let hit = context.tokens.find(token, provider: place, keyGeneration: generation, now: now) {
        cache = .hit
        if isRevoked(hit, in: context) {
          return .refused(.tokenRevoked, keyID: hit.identity.keyID, provider: provider)
        }
        self.provider = provider
        return .identity(hit.identity, cached: hit.index)
      }
    }
    cache = .miss
    let began = MonotonicTime.current
    defer { microseconds = MonotonicTime.current.microseconds(since: began) }
    guard token.count <= context.active.configuration.limits.tokenBytesMax else {
      return .refused(.tokenTooLarge, keyID: nil, provider: nil)
    }
    if case .session = credential {
      provider = candidates[0]
      return introspect(token, waiting: waiting, in: context)
    }
    if let provider = TokenAuthentication.introspecting(token, candidates, context) {
      self.provider = provider
      return introspect(token, waiting: waiting, in: context)
    }
    return verify(token, candidates, waiting, now, context)
  }

  /// Finds the credential, and the providers that look for one where it stands.
  ///
  /// A Bearer or DPoP token is the credential, good or bad, wherever one of the route's providers reads Authorization: a
  /// good cookie beside it changes nothing (SECURITY T-14), and a token among a WebSocket's protocols nothing either,
  /// which in turn goes before cookies.
  private mutating func find(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, for route: ActiveRoute, isWebSocket: Bool,
    in context: DecisionContext
  ) throws(CredentialError) -> InlineCandidates {
    var candidates = InlineCandidates()
    // Also where another one is used: a list of which nobody knows how it is read cannot go upstream without its token.
    let offered =
      isWebSocket && route.readsWebSocketProtocol ? try Credential.webSocketProtocol(in: head, bytes) : .absent
    if route.readsAuthorization { credential = Credential.authorization(in: head, bytes) }
    if case .authorization = credential {
      for provider in route.configuration.providers where context.active.credentialPlaces[provider].authorization {
        candidates.append(provider)
      }
      return candidates
    }
    if case .webSocketProtocol = offered {
      credential = offered
      for provider in route.configuration.providers where context.active.credentialPlaces[provider].webSocketProtocol {
        candidates.append(provider)
      }
      return candidates
    }
    for provider in route.configuration.providers {
      let places = context.active.credentialPlaces[provider]
      var found = try Credential.cookie(in: head, bytes, names: places.cookies)
      if found.range == nil, let name = places.session { found = try Credential.session(in: head, bytes, name: name) }
      guard let range = found.range else { continue }
      if credential.range == nil { credential = found }
      if credential.range == range { candidates.append(provider) }
    }
    return candidates
  }

  private mutating func verify(
    _ token: Span<UInt8>, _ candidates: InlineCandidates, _ waiting: Wait, _ now: UnixSeconds,
    _ context: DecisionContext
  ) -> Outcome {
    let configured = context.active.configuration.providers
    let compact: CompactToken
    // One provider needs no look at `iss` before the signature holds; several do, to choose (SECURITY T-11).
    var issuer: String?
    do throws(TokenError) {
      compact = try CompactToken(token, known: context.headers)
      if candidates.count > 1 { issuer = try compact.unverifiedIssuer() }
    } catch {
      return .refused(error.reason, keyID: nil, provider: candidates.count == 1 ? candidates[0] : nil)
    }
    var outcome = Outcome.refused(.issuerUnknown, keyID: nil, provider: nil)
    for index in 0..<candidates.count {
      let provider = candidates[index]
      if let issuer, !configured[provider].policy.issuer.isSameBytes(as: issuer) { continue }
      // What it is not asked about is not its own.
      if configured[provider].introspection?.tokens == .all { continue }
      let keys = context.keys.providers[provider]
      do throws(TokenError) {
        let verified = try context.active.verifiers[provider].verify(
          compact, of: token, keys: keys.keySet, now: now, using: context.signatures)
        context.headers.keep(compact, of: token)
        let identity = Identity.token(verified)
        if context.revocations.kind(revoking: identity) != nil {
          return .refused(.tokenRevoked, keyID: verified.keyID, provider: provider)
        }
        let place = context.tokens.insert(
          token, provider: provider, keyGeneration: keys.generation,
          revocationGeneration: context.revocations.generation, identity: identity, deadline: verified.deadline)
        self.provider = provider
        return .identity(identity, cached: place)
      } catch {
        if case .allowed = waiting, TokenAuthentication.mayCure(error.reason, keys, context.now) {
          return .needsKeys(provider: provider)
        }
        if case .crypto(let error) = error.fault { context.failed("\(error)") }
        // Here no claim is read before the signature holds.
        keepClaims(of: error, provider, now, context)
        outcome = .refused(error.reason, keyID: error.keyID, provider: provider)
      }
    }
    return outcome
  }

  /// Keeps what believed claims were refused for.
  mutating func keepClaims(of error: TokenError, _ provider: Int, _ now: UnixSeconds, _ context: DecisionContext) {
    refusedClaims = RefusedClaims(error, context.active.verifiers[provider].policy, now: now)
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
}

/// The few providers that a token may be of.
struct InlineCandidates {
  private var places = InlineArray<8, Int>(repeating: 0)
  private(set) var count = 0

  mutating func append(_ provider: Int) {
    guard count < 8 else { return }
    places[count] = provider
    count += 1
  }

  subscript(index: Int) -> Int { places[index] }
}
