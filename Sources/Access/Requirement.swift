public import HTTP
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
  /// Whose it is where nobody is known, for what is enforced for a share of the senders.
  public var client: IPAddress?
  /// Whether such a share is enforced no longer.
  public var isRampStopped = false
  /// The same of what the provider of the token tries.
  public var isTokenRampStopped = false
  /// Where it is asked what would become of it behind another sign-in; nil: it is the request as it came.
  var signIn: SupposedSignIn?

  public init(path: [UInt8], now: UnixSeconds) {
    self.path = path
    self.now = now
  }

  func behind(_ signIn: SupposedSignIn?) -> RequestFacts {
    var facts = self
    facts.signIn = signIn
    return facts
  }
}

extension Requirement {
  /// Whether those who have these claims bring it.
  func holds(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Bool { truth(claims, facts) == .holds }

  func truth(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Truth {
    var truth = Truth.holds
    for index in conditions.indices {
      switch conditions[index].truth(claims, facts) {
      case .holds: continue
      case .fails: return .fails
      case .unknown: truth = .unknown
      }
    }
    return truth
  }

  /// What they lack who have these claims; nil where they lack nothing.
  ///
  /// A client is told what to get only where that lets it pass, and then everything at once.
  func refusal(of claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Refusal? {
    guard let failed = failed(claims, facts) else { return nil }
    guard let cure = cure(claims, facts) else { return Refusal(incurableReason(claims, facts)) }
    return Refusal(failed.reason(claims, facts, behind: cure.signIn), remedy: cure.remedy)
  }

  /// The first condition that does not hold.
  func failed(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Condition? {
    for condition in conditions where !condition.holds(claims, facts) { return condition }
    return nil
  }
}

extension Requirement.Condition {
  func holds(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Bool { truth(claims, facts) == .holds }

  func truth(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Truth {
    switch self {
    case .roles(let roles):
      for role in roles where claims.hasRole(role) { return .holds }
      return claims.isReadable(.roles) ? .fails : .unknown
    case .scopes(let scopes):
      for scope in scopes where !claims.hasScope(scope) {
        if let signIn = facts.signIn, signIn.scopes.contains(scope) { continue }
        return claims.isReadable(.scopes) ? .fails : .unknown
      }
      return .holds
    case .permissions(let permissions):
      for permission in permissions where !claims.hasPermission(permission) {
        return claims.isReadable(.permissions) ? .fails : .unknown
      }
      return .holds
    case .claim(let path, let values):
      if claims.claim(path, holdsAnyOf: values) { return .holds }
      return claims.isScalarOrListOfThem(path) ? .fails : .unknown
    case .owner(let owner):
      guard owner.isAbout(claims) else { return .fails }
      if owner.holds(claims, facts.path.span) { return .holds }
      return claims.isTextOrInteger(owner.claim) ? .fails : .unknown
    case .contextClasses(let classes):
      if let contextClass = facts.signIn?.contextClass { return Truth(classes.contains(contextClass)) }
      if claims.hasContextClass(anyOf: classes) { return .holds }
      return claims.isTextOrInteger(ClaimsSet.contextClassPath) ? .fails : .unknown
    case .authenticationAge(let most):
      if let signIn = facts.signIn, signIn.isNew { return .holds }
      // Nothing is said of when it was: that is neither long ago nor lately.
      guard let age = claims.authenticationAge(at: facts.now) else { return .unknown }
      return Truth(age <= most + claims.leewaySeconds)
    case .any(let requirements):
      var truth = Truth.fails
      for requirement in requirements {
        switch requirement.truth(claims, facts) {
        case .holds: return .holds
        case .fails: continue
        case .unknown: truth = .unknown
        }
      }
      return truth
    case .all(let requirements):
      var truth = Truth.holds
      for requirement in requirements {
        switch requirement.truth(claims, facts) {
        case .holds: continue
        case .fails: return .fails
        case .unknown: truth = .unknown
        }
      }
      return truth
    case .not(let requirement): return requirement.truth(claims, facts).negated
    }
  }
}

extension ClaimsSet {
  static let contextClassPath = ClaimPath(name: "acr")
  static let authenticationTimePath = ClaimPath(name: "auth_time")

  /// Seconds since they were authenticated; nil where that is not said, or said to be still to come.
  func authenticationAge(at now: UnixSeconds) -> Int64? {
    guard let authenticatedAt, authenticatedAt <= now + leewaySeconds else { return nil }
    return max(0, now - authenticatedAt)
  }
}
