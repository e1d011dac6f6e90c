public import Access
import HTTP
public import Reason
public import Tokens

/// What becomes of a request.
public struct Evaluation: Sendable {
  public let routed: RequestEvaluator.Routed
  /// What the route's rule asks for, and what it found.
  public let findings: [Finding]
  /// What it tries beside that.
  public let triedFindings: [Finding]
  public let result: Result
  /// Why what the route or the token's provider tries would refuse it, were it enforced for whoever sends it.
  public let unenforced: Reason?

  public enum Result: Sendable {
    /// The gateway answers itself.
    case answeredHere
    case refused(Reason)
    case allowed(Forwarding)

    /// Why it is refused; nil: it is not.
    public var refusal: Reason? { if case .refused(let reason) = self { reason } else { nil } }
  }

  /// What goes on.
  public struct Forwarding: Sendable {
    public let method: String
    /// Path and query.
    public let target: String
    public let destination: RouteConfiguration.Destination
    /// The lines that say who it is.
    public let identityFields: [String]
    /// What would be signed beside them; nil: nothing.
    public let assertion: AssertionConfiguration?
    /// What the route changes beside that.
    public let headers: HeaderChanges
    /// Whether the token that authenticated the request goes on with it.
    public let hasToken: Bool
  }

  /// A request whose token is refused.
  public init(_ routed: RequestEvaluator.Routed, refusedFor reason: Reason) {
    self.routed = routed
    findings = []
    triedFindings = []
    result = .refused(reason)
    unenforced = nil
  }

  fileprivate init(
    _ routed: RequestEvaluator.Routed, findings: [Finding] = [], tried: [Finding] = [], unenforced: Reason? = nil,
    _ result: Result
  ) {
    self.routed = routed
    self.findings = findings
    triedFindings = tried
    self.unenforced = unenforced
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
    if routed.isAnsweredHere { return Evaluation(routed, .answeredHere) }
    if let reason = routed.refusal { return Evaluation(routed, .refused(reason)) }
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
      return Evaluation(routed, findings: findings, tried: tried, .refused(error.reason))
    }
    var path = routed.path
    do throws(PathError) {
      try route.rewrite?.write(routed.path.span, keeping: route.pathTraitsKept, to: &path)
    } catch {
      return Evaluation(routed, findings: findings, tried: tried, unenforced: unenforced, .refused(error.reason))
    }
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
          method: routed.request.method, target: String(decoding: path, as: UTF8.self) + routed.query,
          destination: route.destination, identityFields: lines.map { String(decoding: $0, as: UTF8.self) },
          assertion: assertion, headers: route.headers, hasToken: hasToken)))
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
