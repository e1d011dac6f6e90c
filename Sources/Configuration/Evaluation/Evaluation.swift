public import Access
import HTTP
public import Reason
public import Tokens

/// What becomes of a request.
public struct Evaluation: Sendable {
  /// The request, and the route that it came to.
  public let routed: RequestEvaluator.Routed
  /// What the route's rule asks for, each with what was found; empty where no rule was consulted.
  public let findings: [Finding]
  /// The same of what the rule only tries.
  public let triedFindings: [Finding]
  /// What the gateway would do.
  public let result: Result
  /// The reason for which what the route or the token's provider tries would refuse it, were it enforced for whoever
  /// sends it; nil: it would not.
  public let unenforced: Reason?
  /// The percentage of clients, by their addresses, for whom alone what is tried refuses the request; nil: it is allowed,
  /// or refused whatever its client's address is.
  public let addressShare: Int?

  /// What the gateway would do with a request.
  public enum Result: Sendable {
    /// The gateway answers it itself, on a path of its own.
    case answeredHere
    /// It would be answered with the reason's status.
    case refused(Reason)
    /// It would be forwarded, or redirected.
    case allowed(Forwarding)

    /// Why it is refused; nil: it is not.
    public var refusal: Reason? { if case .refused(let reason) = self { reason } else { nil } }
  }

  /// A request that is allowed, as it would go on.
  public struct Forwarding: Sendable {
    /// As in the request.
    public let method: String
    /// Path and query; `*` of a request about the server.
    public let target: String
    /// Where it would go.
    public let destination: RouteConfiguration.Destination
    /// Field lines without CRLF that tell the upstream who the sender is; empty for a redirect.
    public let identityFields: [String]
    /// How the assertion would be made that accompanies them; nil: there is none.
    public let assertion: AssertionConfiguration?
    /// Which header fields the route sets or removes besides these.
    public let headers: HeaderChanges
    /// Whether the token that authenticated the request goes on with it.
    public let hasToken: Bool
  }

  fileprivate init(
    _ routed: RequestEvaluator.Routed, findings: [Finding] = [], tried: [Finding] = [], unenforced: Reason? = nil,
    addressShare: Int? = nil, _ result: Result
  ) {
    self.routed = routed
    self.findings = findings
    triedFindings = tried
    self.unenforced = unenforced
    self.addressShare = addressShare
    self.result = result
  }
}

extension RequestEvaluator {
  /// What becomes of the request if it comes from whoever has these claims; nil: from nobody.
  ///
  /// - Parameter enforcement: For whom to enforce what routes try, and nobody what providers do; nil: as they say.
  public func decide(
    _ routed: Routed, _ claims: ClaimsSet?, now: UnixSeconds, enforcing enforcement: Enforcement? = nil
  ) -> Evaluation {
    if let reason = routed.refusal { return Evaluation(routed, .refused(reason)) }
    if routed.isAnsweredHere { return Evaluation(routed, .answeredHere) }
    guard let index = routed.route else { return Evaluation(routed, .refused(.noRoute)) }
    let route = configuration.routes[index]
    var facts = RequestFacts(path: routed.path, now: now)
    // Nobody is asked who they are, as on the wire.
    let claims = if case .none = route.rule.authentication { ClaimsSet?.none } else { claims }
    let findings = route.rule.findings(claims, facts)
    let tried = route.rule.triedFindings(claims, facts)
    var rule = route.rule
    if let enforcement {
      rule.tried?.enforcement = enforcement
      facts.isTokenRampStopped = true
    }
    let unenforced: Reason?
    do throws(Refusal) {
      unenforced = try rule.check(claims, facts)?.reason
    } catch {
      let share = RequestEvaluator.addressShare(of: error, rule, claims)
      return Evaluation(routed, findings: findings, tried: tried, addressShare: share, .refused(error.reason))
    }
    var path = routed.path
    do throws(PathError) {
      try route.rewrite?.write(routed.path.span, keeping: route.pathTraitsKept, to: &path)
    } catch {
      return Evaluation(routed, findings: findings, tried: tried, unenforced: unenforced, .refused(error.reason))
    }
    var target = String(decoding: path, as: UTF8.self) + routed.query
    if case .upstream = route.destination, routed.isAboutTheServer { target = "*" }
    var fields: [UInt8] = []
    var assertion: AssertionConfiguration?
    var hasToken = false
    if case .upstream = route.destination {
      do throws(IdentityHeaderError) {
        fields = try route.identity.render(claims)
      } catch {
        return Evaluation(routed, findings: findings, tried: tried, .refused(error.reason))
      }
      if claims != nil {
        assertion = route.assertion
        hasToken = route.token == .forward
      }
    }
    let lines = fields.split { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
    return Evaluation(
      routed, findings: findings, tried: tried, unenforced: unenforced,
      .allowed(
        Evaluation.Forwarding(
          method: routed.request.method, target: target, destination: route.destination,
          identityFields: lines.map { String(decoding: $0, as: UTF8.self) },
          assertion: assertion, headers: route.headers, hasToken: hasToken)))
  }

  /// For which percentage of clients the refusal is, where it goes by their addresses: the sender has no subject, and it
  /// is not known here which address a request comes from.
  private static func addressShare(of refusal: Refusal, _ rule: AccessRule, _ claims: ClaimsSet?) -> Int? {
    guard claims?.subject == nil else { return nil }
    switch refusal.trier {
    case .route: return if case .share(let percentage)? = rule.tried?.enforcement { percentage } else { nil }
    case .provider: return claims?.triedPercentage
    case nil: return nil
    }
  }

  /// What becomes of the request if its token is refused.
  ///
  /// - Parameter claims: The claims that it is refused for; nil unless its signature is valid.
  public func refuse(_ routed: Routed, for reason: Reason, _ claims: RefusedClaims?, now: UnixSeconds) -> Evaluation {
    let findings = routed.route.map { route in
      DecidedRequest(
        configuration.routes[route].rule, .refused(reason, claims), RequestFacts(path: routed.path, now: now)
      ).findings
    }
    return Evaluation(routed, findings: findings ?? [], .refused(reason))
  }

  /// What a token of `supposed` would say on the route; nil where it takes none.
  ///
  /// - Throws: Where one of the claims stands inside of another that is no object.
  public func claims(
    of supposed: SupposedIdentity?, on routed: Routed, now: UnixSeconds
  ) throws(ClaimConflict) -> ClaimsSet? {
    guard let supposed, let route = routed.route else { return nil }
    guard let provider = supposed.provider ?? configuration.routes[route].providers.first else { return nil }
    return try ClaimsSet(
      supposing: supposed.claims, authenticatedAt: supposed.authenticatedAgo.map { now - $0 },
      configuration.providers[provider].policy, triedAt: now)
  }
}
