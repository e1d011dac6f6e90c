public import Tokens

/// What a client can get that would let it pass, for the challenge (RFC 6750 §3, RFC 9470 §3).
public struct Remedy: Sendable, Equatable {
  /// All that are needed, those that the token has included.
  public var scopes: [String]
  /// Any of them.
  public var contextClasses: [String]
  /// How many seconds ago they may have been authenticated; nil: it does not matter.
  public var authenticationAge: Int64?

  public static let none = Remedy()

  public init(scopes: [String] = [], contextClasses: [String] = [], authenticationAge: Int64? = nil) {
    self.scopes = scopes
    self.contextClasses = contextClasses
    self.authenticationAge = authenticationAge
  }

  private mutating func add(_ other: Remedy) {
    for scope in other.scopes where !scopes.contains(scope) { scopes.append(scope) }
    if contextClasses.isEmpty {
      contextClasses = other.contextClasses
    } else if !other.contextClasses.isEmpty {
      let both = contextClasses.filter { other.contextClasses.contains($0) }
      if !both.isEmpty { contextClasses = both }
    }
    if let age = other.authenticationAge { authenticationAge = min(authenticationAge ?? age, age) }
  }

  fileprivate static func sum(_ remedies: [Remedy]) -> Remedy {
    var sum = Remedy()
    for remedy in remedies { sum.add(remedy) }
    return sum
  }
}

extension Remedy {
  /// Whether who has these claims was authenticated as it asks, decided as a route decides it.
  public func isMet(by claims: borrowing ClaimsSet, at now: UnixSeconds) -> Bool {
    let facts = RequestFacts(path: [], now: now)
    if !contextClasses.isEmpty, !Requirement.Condition.contextClasses(contextClasses).holds(claims, facts) {
      return false
    }
    guard let authenticationAge else { return true }
    return Requirement.Condition.authenticationAge(authenticationAge).holds(claims, facts)
  }

  /// Whether it is worth it to send somebody with these claims to be authenticated as it asks. It is not where they come
  /// from there: they would be sent without end.
  public func asksForMore(than claims: borrowing ClaimsSet, at now: UnixSeconds) -> Bool {
    guard !contextClasses.isEmpty || authenticationAge != nil else { return false }
    var least = self
    least.authenticationAge = authenticationAge.map { max($0, Remedy.wayBackSeconds) }
    return !least.isMet(by: claims, at: now)
  }

  /// How long it may take from where they are authenticated to the request that needs it.
  private static let wayBackSeconds: Int64 = 10
}

extension Requirement {
  /// What would let it hold; nil where nothing would that a client can get.
  func cure(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Remedy? {
    var remedies: [Remedy] = []
    for condition in conditions {
      guard let remedy = condition.remedy(claims, facts) else { return nil }
      remedies.append(remedy)
    }
    return Remedy.sum(remedies)
  }

  /// The first of `requirements` that a client can bring, and with what; nil: none.
  static func curable(
    _ requirements: [Requirement], _ claims: borrowing ClaimsSet, _ facts: RequestFacts
  ) -> (requirement: Requirement, remedy: Remedy)? {
    for requirement in requirements {
      if let remedy = requirement.cure(claims, facts) { return (requirement, remedy) }
    }
    return nil
  }
}

extension Requirement.Condition {
  /// What would let it hold, also where it does; nil where nothing would that a client can get.
  func remedy(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Remedy? {
    switch self {
    case .scopes(let scopes): return Remedy(scopes: scopes)
    case .contextClasses(let classes): return Remedy(contextClasses: classes)
    case .authenticationAge(let seconds): return Remedy(authenticationAge: seconds)
    case .any(let requirements):
      for requirement in requirements where requirement.holds(claims, facts) {
        return requirement.cure(claims, facts)
      }
      return Requirement.curable(requirements, claims, facts)?.remedy
    case .all(let requirements):
      var remedies: [Remedy] = []
      for requirement in requirements {
        guard let remedy = requirement.cure(claims, facts) else { return nil }
        remedies.append(remedy)
      }
      return Remedy.sum(remedies)
    case .roles, .permissions, .claim, .owner, .not: return holds(claims, facts) ? Remedy() : nil
    }
  }
}
