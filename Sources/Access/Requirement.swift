public import Tokens

/// What an identity has to bring. All conditions have to hold; without any, it always does.
public struct Requirement: Sendable, Hashable {
  public var conditions: [Condition]

  public init(_ conditions: [Condition] = []) { self.conditions = conditions }

  public var isEmpty: Bool { conditions.isEmpty }

  /// One thing that has to hold.
  public enum Condition: Sendable, Hashable {
    /// Any of them.
    case roles([String])
    /// All of them (RFC 6749 §3.3).
    case scopes([String])
    /// All of them.
    case permissions([String])
    /// The claim has one of the values, or is a list that holds one.
    case claim(ClaimPath, [ClaimScalar])
    case owner(Owner)
    /// `acr` is any of them (RFC 9470).
    case contextClasses([String])
    /// So many seconds at most have passed since `auth_time` (RFC 9470).
    case authenticationAge(Int64)
    case any([Requirement])
    case all([Requirement])
    /// It does not hold.
    case not(Requirement)
  }
}

/// What a decision knows of a request beside who sends it.
public struct RequestFacts: Sendable {
  /// The canonical path, which the route's pattern matches.
  public let path: [UInt8]
  public let now: UnixSeconds

  public init(path: [UInt8], now: UnixSeconds) {
    self.path = path
    self.now = now
  }
}

extension Requirement {
  /// Whether those who have these claims bring it.
  func holds(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Bool {
    for index in conditions.indices where !conditions[index].holds(claims, facts) { return false }
    return true
  }

  /// What they lack who have these claims; nil where they lack nothing.
  func refusal(of claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Refusal? {
    guard let failed = failed(claims, facts) else { return nil }
    let refusal = failed.refusal(of: claims, facts)
    // What would cure the one is told with what all of them need: a client asks for everything at once.
    let isCurable = failed.remedy(claims, facts) != nil
    return isCurable ? refusal.with(remedy(claims, facts)) : refusal
  }

  /// The first condition that does not hold.
  func failed(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Condition? {
    for condition in conditions where !condition.holds(claims, facts) { return condition }
    return nil
  }
}

extension Requirement.Condition {
  func holds(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Bool {
    switch self {
    case .roles(let roles):
      for role in roles where claims.hasRole(role) { return true }
      return false
    case .scopes(let scopes):
      for scope in scopes where !claims.hasScope(scope) { return false }
      return true
    case .permissions(let permissions):
      for permission in permissions where !claims.hasPermission(permission) { return false }
      return true
    case .claim(let path, let values): return claims.claim(path, holdsAnyOf: values)
    case .owner(let owner): return owner.holds(claims, facts.path.span)
    case .contextClasses(let classes): return claims.hasContextClass(anyOf: classes)
    case .authenticationAge(let most):
      guard let age = claims.authenticationAge(at: facts.now) else { return false }
      return age <= most + claims.leewaySeconds
    case .any(let requirements):
      for requirement in requirements where requirement.holds(claims, facts) { return true }
      return false
    case .all(let requirements):
      for requirement in requirements where !requirement.holds(claims, facts) { return false }
      return true
    case .not(let requirement): return !requirement.holds(claims, facts)
    }
  }
}

extension ClaimsSet {
  /// Seconds since they were authenticated; nil where that is not said, or said to be still to come.
  func authenticationAge(at now: UnixSeconds) -> Int64? {
    guard let authenticatedAt, authenticatedAt <= now + leewaySeconds else { return nil }
    return max(0, now - authenticatedAt)
  }
}
