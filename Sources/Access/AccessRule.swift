public import Reason
public import Tokens

/// Whether a route requires a token, and the providers whose tokens it accepts.
public enum Authentication: Sendable, Hashable {
  /// No credential is required or read.
  case none
  /// A token of one of these providers is required.
  case required(providers: [String])
  /// A token of one of these providers, or none; an invalid token is refused all the same (SECURITY T-15).
  case optional(providers: [String])
}

/// The access rule of a route. All decisions are made here: on the wire, in tests and in explanations.
public struct AccessRule: Sendable, Hashable {
  /// Which credentials the route accepts.
  public var authentication: Authentication
  /// What the claims of a credential must satisfy. Not consulted with `Authentication.none`.
  public var requirement: Requirement
  /// The reason for refusing a request without a credential: `credentialMissing`, or `certificateMissing` if only a
  /// certificate would be accepted.
  public var anonymousRefusal: Reason
  /// A dry-run requirement (`try`), evaluated in addition to `requirement`; nil if the route has none.
  public var tried: TriedRequirement?

  /// A rule; by default one that tries nothing.
  public init(
    authentication: Authentication, requirement: Requirement, anonymousRefusal: Reason = .credentialMissing,
    tried: TriedRequirement? = nil
  ) {
    self.authentication = authentication
    self.requirement = requirement
    self.anonymousRefusal = anonymousRefusal
    self.tried = tried
  }

  /// `requirement` and `tried` combined; `requirement` alone if nothing is tried.
  public var requirementWithTried: Requirement { tried?.whole ?? requirement }

  /// A copy of the rule in which what is tried is required.
  public var withTriedRequired: AccessRule {
    var rule = self
    rule.requirement = requirementWithTried
    rule.tried = nil
    return rule
  }

  /// Decides the request and returns the only value that allows it to be forwarded.
  ///
  /// - Throws: The refusal if the request may not be forwarded.
  public func permit(_ identity: Identity, _ facts: RequestFacts) throws(Refusal) -> Permit {
    let unenforced = try check(identity.claims, facts)
    return Permit(identity, unenforced: unenforced?.reason)
  }

  /// Evaluates the rule against `claims`; nil means that no credential was presented.
  ///
  /// If the token is optional and there is a requirement, a request without a token is refused with `anonymousRefusal`.
  ///
  /// - Returns: The refusal that `try` would have caused had it been enforced for this sender (that of the token's
  ///   provider first); nil if there is none.
  /// - Throws: The refusal by what is required, or by a `try` that is enforced for this sender.
  @discardableResult
  public func check(_ claims: ClaimsSet?, _ facts: RequestFacts) throws(Refusal) -> Refusal? {
    let providers: [String]
    switch authentication {
    case .none: return nil
    case .required(let names): providers = names
    case .optional(let names):
      if claims == nil {
        guard requirement.isEmpty else { throw Refusal(anonymousRefusal) }
        return try tried?.enforce(Refusal(anonymousRefusal), on: nil, facts)
      }
      providers = names
    }
    guard let claims else { throw Refusal(anonymousRefusal) }
    guard providers.contains(claims.provider) else { throw Refusal(.issuerUnknown) }
    if let refusal = requirement.refusal(of: claims, facts) { throw refusal }
    var ofToken = claims.triedRefusal(at: facts.now).map { Refusal($0) }
    if let refusal = ofToken, claims.triedPercentage > 0, !facts.isTokenRampStopped {
      ofToken = try Enforcement.share(percentage: claims.triedPercentage)
        .enforce(refusal, by: .provider, on: claims, facts)
    }
    guard let tried, let refusal = tried.whole.refusal(of: claims, facts) else { return ofToken }
    let ofRule = try tried.enforce(refusal, on: claims, facts)
    return ofToken ?? ofRule
  }

  /// One finding for each tried condition, to be shown to people; empty if the request is refused by what is required.
  public func triedFindings(_ claims: ClaimsSet?, _ facts: RequestFacts) -> [Finding] {
    switch authentication {
    case .none: return []
    case .required(let providers), .optional(let providers):
      guard let claims else {
        guard tried != nil, case .optional = authentication, requirement.isEmpty else { return [] }
        return [Finding(anonymousRefusal, expected: expected(of: providers), found: "none")]
      }
      guard providers.contains(claims.provider), requirement.holds(claims, facts) else { return [] }
      let ofRule = tried?.whole.findings(claims, facts).dropFirst(requirement.conditions.count) ?? []
      return (findings(tryingTokenOf: claims, facts) + ofRule).map {
        var finding = $0
        finding.isTried = true
        return finding
      }
    }
  }

  private func findings(tryingTokenOf claims: ClaimsSet, _ facts: RequestFacts) -> [Finding] {
    guard claims.areTried else { return [] }
    let reason = claims.triedRefusal(at: facts.now)
    return [
      Finding(
        reason, expected: "a token as \(claims.provider) tries to ask for",
        found: reason?.rawValue ?? "one")
    ]
  }

  /// One finding for each condition of the rule, to be shown to people; decided as in `check`.
  public func findings(_ claims: ClaimsSet?, _ facts: RequestFacts) -> [Finding] {
    let providers: [String]
    switch authentication {
    case .none: return []
    case .required(let names): providers = names
    case .optional(let names):
      if claims == nil, requirement.isEmpty { return [] }
      providers = names
    }
    let expected = expected(of: providers)
    guard let claims else { return [Finding(anonymousRefusal, expected: expected, found: "none")] }
    let isOurs = providers.contains(claims.provider)
    let first = Finding(isOurs ? nil : .issuerUnknown, expected: expected, found: "one of \(claims.provider)")
    return isOurs ? [first] + requirement.findings(claims, facts) : [first]
  }

  /// The findings when the credential itself was refused, so that the remaining conditions could not be evaluated.
  ///
  /// - Parameter claims: The claims that caused the refusal; nil unless the signature was valid.
  func findings(ofRefused reason: Reason, _ claims: RefusedClaims?) -> [Finding] {
    let providers: [String]
    switch authentication {
    case .none: return []
    case .required(let names), .optional(let names): providers = names
    }
    let expected = expected(of: providers)
    if let claims, claims.reason == reason {
      return [Finding(reason, expected: "\(expected) with \(claims.expected)", found: "one with \(claims.found)")]
    }
    return [Finding(reason, expected: expected, found: reason == anonymousRefusal ? "none" : "one that is refused")]
  }

  private func expected(of providers: [String]) -> String {
    let credential = anonymousRefusal == .certificateMissing ? "a certificate for" : "a token of"
    return "\(credential) \(providers.joined(separator: " or "))"
  }
}

/// Proof that a request was decided and allowed. Only `AccessRule.permit` creates one, and the forwarded head consumes
/// it; as it cannot be copied, one decision forwards one request.
public struct Permit: ~Copyable, Sendable {
  /// The identity that was allowed.
  public let identity: Identity
  /// Why `try` would have refused the request had it been enforced for this sender; nil if it would not have.
  public let unenforced: Reason?

  fileprivate init(_ identity: Identity, unenforced: Reason?) {
    self.identity = identity
    self.unenforced = unenforced
  }
}
