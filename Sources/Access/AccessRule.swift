public import Reason
public import Tokens

/// Whether a route asks for a token, and of whom.
public enum Authentication: Sendable, Hashable {
  /// Nobody is asked.
  case none
  /// A token of one of these providers.
  case required(providers: [String])
  /// A token of one of these, or none at all; a bad token is refused all the same (SECURITY T-15).
  case optional(providers: [String])
}

/// Who may take a route. The one place that decides: on the wire, in tests and in explanations.
public struct AccessRule: Sendable, Hashable {
  public var authentication: Authentication
  public var requirement: Requirement
  /// Why somebody is refused who shows nothing: `credentialMissing`, or `certificateMissing` where nothing but a
  /// certificate would do.
  public var anonymousRefusal: Reason
  /// What is tried beside it; nil: nothing.
  public var tried: TriedRequirement?

  public init(
    authentication: Authentication, requirement: Requirement, anonymousRefusal: Reason = .credentialMissing,
    tried: TriedRequirement? = nil
  ) {
    self.authentication = authentication
    self.requirement = requirement
    self.anonymousRefusal = anonymousRefusal
    self.tried = tried
  }

  /// What is required, and what is tried beside it.
  public var requirementWithTried: Requirement { tried?.whole ?? requirement }

  /// The rule once what it tries is required.
  public var withTriedRequired: AccessRule {
    var rule = self
    rule.requirement = requirementWithTried
    rule.tried = nil
    return rule
  }

  /// The permission to forward what `identity` sends: there is no other way to one.
  ///
  /// - Throws: Why it may not be forwarded.
  public func permit(_ identity: Identity, _ facts: RequestFacts) throws(Refusal) -> Permit {
    let unenforced = try check(identity.claims, facts)
    return Permit(identity, unenforced: unenforced?.reason)
  }

  /// Decides about whoever has these claims; nil: about who shows nothing.
  ///
  /// An optional token with a requirement: who brings none has none of what is required, and is asked for a token.
  ///
  /// - Returns: Why they might not, were what is tried enforced for them, on their token first; nil: it is, or they have
  ///   what it asks for.
  /// - Throws: Why they may not take the route.
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

  /// Each thing that is tried, for people; nothing of somebody who is refused for what is required.
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

  /// Each thing that the rule asks for, decided as `check` does, for people.
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

  /// The same of somebody whose credential was refused: what else is asked for nobody knows of them.
  ///
  /// - Parameter claims: What it was refused for, where its signature held.
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

/// Proof that a request was decided and allowed: made by `AccessRule.permit` alone, spent by the head that is forwarded.
/// It cannot be copied, so one decision forwards one request.
public struct Permit: ~Copyable, Sendable {
  /// Who was allowed.
  public let identity: Identity
  /// Why what is tried would have refused it, were it enforced for them; nil: it would not.
  public let unenforced: Reason?

  fileprivate init(_ identity: Identity, unenforced: Reason?) {
    self.identity = identity
    self.unenforced = unenforced
  }
}
