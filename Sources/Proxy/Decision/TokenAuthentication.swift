import Access
import Configuration
import HTTP
import Keys
import Reason
import Sockets
import Telemetry
import Tokens

/// Identifies the sender of a request: the step from its bytes to an `Identity`.
struct TokenAuthentication {
  enum Outcome {
    /// `cached`: the index of the token in the loop's cache; nil if it is not there.
    case identity(Identity, cached: Int?)
    case refused(Reason, keyID: String?, provider: Int?)
    /// The provider's keys are on their way, or it may have published the one that the token names, which is worth one
    /// refetch.
    case needsKeys(provider: Int)
    /// The issuer of the provider has to be asked about the token, or the session store about the session.
    case needsIntrospection(IntrospectedCredential, provider: Int)
  }

  /// Whether the verified-token cache knew the token.
  var cache: AccessRecord.Cache?
  /// Where the credential is in the request.
  private(set) var credential: Credential = .absent
  /// The index of the provider of the token that was accepted; -1 if there is none.
  var provider = -1
  /// Why the last token was refused whose claims can be trusted: its signature was valid, or its issuer stated them.
  private(set) var refusedClaims: RefusedClaims?
  /// Who the credential is about that was refused last; nil unless its signature was valid or its issuer stated it.
  private(set) var refusedSubject: String?
  /// What has revoked the credential that was refused last; nil unless that is why.
  private(set) var revokedBy: Revoker?
  /// Microseconds spent on a token that was not cached, and on its proof.
  private(set) var microseconds: Int64 = 0

  /// Whether the exchange may still wait, once, or what it has waited for.
  enum Wait {
    case allowed
    /// It has waited for keys, which are there now or will not come.
    case over
    case introspected(IntrospectionResult)
  }

  /// - Parameters:
  ///   - isWebSocket: Whether the request is a WebSocket handshake.
  ///   - renewed: The result of using the request's refresh token: its access token takes precedence over any cookie.
  ///   - waiting: Whether the outcome may be `needsKeys` or `needsIntrospection`.
  mutating func authenticate(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, for route: ActiveRoute, isWebSocket: Bool, renewed: Renewal?,
    waiting: Wait, in context: DecisionContext
  ) -> Outcome {
    let outcome: Outcome
    if let renewed, let token = renewed.token,
      let provider = route.provider(named: renewed.provider, in: context.active)
    {
      // The cookie that the browser is about to receive: the rules for cookies apply to it (SECURITY C-14).
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
      return refused(reason, identity, provider: provider)
    case .introspected(let token):
      guard let reason = refusal(ofSenderOf: token.claims, head, bytes, in: context) else { return outcome }
      return refused(reason, identity, provider: provider)
    }
  }

  /// Why the sender may not use a valid token with these claims; nil if it may. This is the last step, as a proof is
  /// good for one request.
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
        if let revoker = revoker(of: hit, in: context) {
          return refused(.tokenRevoked, hit.identity, provider: provider, revokedBy: revoker)
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

  /// Finds the credential, and the providers that read credentials from its place.
  ///
  /// A Bearer or DPoP token is the credential, valid or not, wherever one of the route's providers reads Authorization:
  /// neither a valid cookie (SECURITY T-14) nor a token among the protocols of a WebSocket changes that. The latter in
  /// turn takes precedence over cookies.
  private mutating func find(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, for route: ActiveRoute, isWebSocket: Bool,
    in context: DecisionContext
  ) throws(CredentialError) -> InlineCandidates {
    var candidates = InlineCandidates()
    // Also if another one is used: a list that servers may read differently cannot go upstream without its token.
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
      // A token that it is not asked about is not its own.
      if configured[provider].introspection?.tokens == .all { continue }
      let keys = context.keys.providers[provider]
      do throws(TokenError) {
        let verified = try context.active.verifiers[provider].verify(
          compact, of: token, keys: keys.keySet, now: now, using: context.signatures)
        context.headers.keep(compact, of: token)
        let identity = Identity.token(verified)
        if let revoker = context.revocations.revoker(of: identity) {
          return refused(.tokenRevoked, identity, provider: provider, revokedBy: revoker)
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
        // No claim is read here before the signature has been verified.
        keepClaims(of: error, provider, now, context)
        outcome = .refused(error.reason, keyID: error.keyID, provider: provider)
      }
    }
    return outcome
  }

  /// Keeps why trusted claims were refused, and whose they are.
  mutating func keepClaims(of error: TokenError, _ provider: Int, _ now: UnixSeconds, _ context: DecisionContext) {
    refusedClaims = RefusedClaims(error, context.active.verifiers[provider].policy, now: now)
    refusedSubject = error.subject
  }

  /// Refuses a credential that is good in itself, and keeps whose it is.
  mutating func refused(
    _ reason: Reason, _ identity: Identity, provider: Int, revokedBy revoker: Revoker? = nil
  ) -> Outcome {
    revokedBy = revoker
    refusedSubject = identity.claims?.subject
    return .refused(reason, keyID: identity.keyID, provider: provider)
  }

  /// Whether keys that are about to arrive may change the outcome.
  private static func mayCure(_ reason: Reason, _ keys: ProviderKeys, _ now: MonotonicTime) -> Bool {
    switch reason {
    case .keyUnknown: keys.refetchAllowedAt <= now
    // Right after the start the first fetch is under way.
    case .keysUnavailable: !keys.firstFetchEnded
    default: false
    }
  }
}

/// The few providers that may have issued a token.
struct InlineCandidates {
  private var places = InlineArray<8, Int>(repeating: 0)
  private(set) var count = 0

  /// The number of `InlineArray` has to be a literal.
  init() { assert(places.count == RouteConfiguration.providersMax) }

  mutating func append(_ provider: Int) {
    precondition(count < RouteConfiguration.providersMax, "more providers than the configuration admits")
    places[count] = provider
    count += 1
  }

  subscript(index: Int) -> Int { places[index] }
}
