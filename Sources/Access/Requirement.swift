public import HTTP
public import Tokens

/// What a route requires of an identity. All conditions have to hold; an empty requirement always holds.
public struct Requirement: Sendable, Hashable {
  /// The conditions, all of which have to hold; empty: it always holds.
  public var conditions: [Condition]

  /// - Parameter conditions: All have to hold; without any, the requirement always does.
  public init(_ conditions: [Condition] = []) { self.conditions = conditions }

  /// Whether there is nothing to satisfy.
  public var isEmpty: Bool { conditions.isEmpty }

  /// A single condition.
  public enum Condition: Sendable, Hashable {
    /// Any one of the roles.
    case roles([String])
    /// All of the scopes (RFC 6749 §3.3).
    case scopes([String])
    /// All of the permissions.
    case permissions([String])
    /// The claim equals one of the values, or is a list that contains one of them.
    case claim(ClaimPath, [ClaimScalar])
    /// The sender owns what the path names.
    case owner(Owner)
    /// `acr` is one of these (RFC 9470).
    case contextClasses([String])
    /// At most this many seconds, plus the provider's leeway, have passed since `auth_time` (RFC 9470).
    case authenticationAge(Int64)
    /// At least one of the requirements holds.
    case any([Requirement])
    /// All of the requirements hold.
    case all([Requirement])
    /// Holds if the nested requirement fails; what depends on an unreadable claim stays unknown, and so does not hold.
    case not(Requirement)
  }
}

/// The facts about a request, apart from its sender, that a decision depends on.
public struct RequestFacts: Sendable {
  /// The canonical path, which matches the route's pattern.
  public let path: [UInt8]
  /// The time of the decision, in seconds since 1970.
  public let now: UnixSeconds
  /// The client's address. It stands in for a sender without a subject where `try` is enforced for a share of senders.
  public var client: IPAddress?
  /// Whether enforcement of the route's `try` has stopped.
  public var isRampStopped = false
  /// Whether enforcement of the `try` of the token's provider has stopped.
  public var isTokenRampStopped = false
  /// For what-if evaluation: the sign-in assumed to have happened; nil to evaluate the request as received.
  var signIn: SupposedSignIn?

  /// - Parameters:
  ///   - path: Canonical.
  ///   - now: Seconds since 1970.
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
  /// Whether these claims satisfy the requirement.
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

  /// The refusal for these claims; nil if they satisfy the requirement.
  ///
  /// The client is told what to obtain only if that would let it pass, and then everything at once.
  func refusal(of claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Refusal? {
    guard let failed = failed(claims, facts) else { return nil }
    guard let cure = cure(claims, facts) else { return Refusal(incurableReason(claims, facts)) }
    return Refusal(failed.reason(claims, facts, behind: cure.signIn), remedy: cure.remedy)
  }

  /// The first condition that does not hold; nil if all do.
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
      // Without a plausible `auth_time` the age is unknown: the condition neither holds nor fails.
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

  /// Seconds since `auth_time`, at least 0; nil if the claim is missing, or lies in the future by more than the leeway.
  func authenticationAge(at now: UnixSeconds) -> Int64? {
    guard let authenticatedAt, authenticatedAt <= now + leewaySeconds else { return nil }
    return max(0, now - authenticatedAt)
  }
}
