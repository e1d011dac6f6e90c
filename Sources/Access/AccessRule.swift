public import Reason
import Tokens

/// Whether a route asks for a token, and of whom.
public enum Authentication: Sendable, Equatable {
  /// Nobody is asked.
  case none
  /// A token of one of these providers.
  case required(providers: [String])
  /// A token of one of these, or none at all; a bad token is refused all the same (SECURITY T-15).
  case optional(providers: [String])
}

/// Who may take a route. The one place that decides: on the wire, in tests and in explanations.
public struct AccessRule: Sendable, Equatable {
  public var authentication: Authentication
  public var requirement: Requirement
  /// Why somebody is refused who shows nothing: `credentialMissing`, or `certificateMissing` where nothing but a
  /// certificate would do.
  public var anonymousRefusal: Reason

  public init(
    authentication: Authentication, requirement: Requirement, anonymousRefusal: Reason = .credentialMissing
  ) {
    self.authentication = authentication
    self.requirement = requirement
    self.anonymousRefusal = anonymousRefusal
  }

  /// What the rule says of `identity`.
  ///
  /// An optional token with a requirement: who brings none has none of what is required, and is asked for a token.
  public func evaluate(_ identity: Identity, _ facts: RequestFacts) -> Verdict {
    switch authentication {
    case .none: return .allowed
    case .required(let providers):
      return evaluate(identity, facts, of: providers)
    case .optional(let providers):
      if case .anonymous = identity, requirement.isEmpty { return .allowed }
      return evaluate(identity, facts, of: providers)
    }
  }

  private func evaluate(_ identity: Identity, _ facts: RequestFacts, of providers: [String]) -> Verdict {
    switch identity {
    case .anonymous: .refused(Refusal(anonymousRefusal))
    case .token(let token): evaluate(token.claims, facts, of: providers)
    case .introspected(let token): evaluate(token.claims, facts, of: providers)
    case .certificate(let certificate): evaluate(certificate.claims, facts, of: providers)
    case .supposed(let token): evaluate(token.claims, facts, of: providers)
    }
  }

  private func evaluate(
    _ claims: borrowing ClaimsSet, _ facts: RequestFacts, of providers: [String]
  ) -> Verdict {
    guard providers.contains(claims.provider) else {
      return .refused(Refusal(.issuerUnknown))
    }
    if requirement.isEmpty { return .allowed }
    return requirement.refusal(of: claims, facts).map { .refused($0) } ?? .allowed
  }

  /// Each thing that the rule asks for, decided as `evaluate` does, for people.
  public func findings(_ identity: Identity, _ facts: RequestFacts) -> [Finding] {
    let providers: [String]
    switch authentication {
    case .none: return []
    case .required(let names): providers = names
    case .optional(let names):
      if case .anonymous = identity, requirement.isEmpty { return [] }
      providers = names
    }
    let credential = anonymousRefusal == .certificateMissing ? "a certificate for" : "a token of"
    let expected = "\(credential) \(providers.joined(separator: " or "))"
    switch identity {
    case .anonymous: return [Finding(anonymousRefusal, expected: expected, found: "none")]
    case .token(let token): return findings(token.claims, facts, expected, providers)
    case .introspected(let token): return findings(token.claims, facts, expected, providers)
    case .certificate(let certificate): return findings(certificate.claims, facts, expected, providers)
    case .supposed(let token): return findings(token.claims, facts, expected, providers)
    }
  }

  private func findings(
    _ claims: borrowing ClaimsSet, _ facts: RequestFacts, _ expected: String, _ providers: [String]
  ) -> [Finding] {
    let isOurs = providers.contains(claims.provider)
    let first = Finding(isOurs ? nil : .issuerUnknown, expected: expected, found: "one of \(claims.provider)")
    return isOurs ? [first] + requirement.findings(claims, facts) : [first]
  }

  /// The permission to forward, where `verdict` allows it; never for an identity that is only supposed.
  public func permit(_ verdict: Verdict, _ identity: Identity) -> Permit? {
    guard case .allowed = verdict else { return nil }
    if case .supposed = identity { return nil }
    return Permit(identity)
  }
}

/// Proof that a request was decided and allowed: made by `AccessRule.permit` alone, spent by the head that is forwarded.
/// It cannot be copied, so one decision forwards one request.
public struct Permit: ~Copyable, Sendable {
  /// Who was allowed.
  public let identity: Identity

  fileprivate init(_ identity: Identity) { self.identity = identity }
}
