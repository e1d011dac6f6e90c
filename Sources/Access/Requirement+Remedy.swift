public import Tokens

/// What a client can obtain in order to pass, for the challenge (RFC 6750 §3, RFC 9470 §3).
public struct Remedy: Sendable, Equatable {
  /// All scopes that are needed, including those that the token has.
  public var scopes: [String]
  /// Authentication context classes (`acr`), any one of which suffices.
  public var contextClasses: [String]
  /// The maximum age of the authentication in seconds; nil if any age will do.
  public var authenticationAge: Int64?

  /// Nothing that a client could obtain.
  public static let none = Remedy()

  /// - Parameters:
  ///   - scopes: All that are needed.
  ///   - contextClasses: Any one suffices; empty if none is asked for.
  ///   - authenticationAge: Seconds; nil if any age will do.
  public init(scopes: [String] = [], contextClasses: [String] = [], authenticationAge: Int64? = nil) {
    self.scopes = scopes
    self.contextClasses = contextClasses
    self.authenticationAge = authenticationAge
  }

  mutating func add(_ other: Remedy) {
    for scope in other.scopes where !scopes.contains(scope) { scopes.append(scope) }
    if contextClasses.isEmpty {
      contextClasses = other.contextClasses
    } else if !other.contextClasses.isEmpty {
      contextClasses.removeAll { !other.contextClasses.contains($0) }
    }
    if let age = other.authenticationAge { authenticationAge = min(authenticationAge ?? age, age) }
  }
}

/// A hypothetical sign-in. In all other respects the next token is assumed to say what the last one did.
struct SupposedSignIn: Sendable, Equatable {
  /// nil if it is that of the last sign-in.
  var contextClass: String?
  /// Scopes that its token has in addition to those of the last one.
  var scopes: [String] = []
  /// Whether the user authenticates anew, so that `auth_time` is now.
  var isNew = true

  /// The same sign-in with another context class.
  func with(_ contextClass: String?) -> SupposedSignIn {
    SupposedSignIn(contextClass: contextClass, scopes: scopes, isNew: isNew)
  }
}

extension Remedy {
  /// Whether the user with these claims was authenticated as the remedy asks, decided as a route decides it.
  public func isMet(by claims: borrowing ClaimsSet, at now: UnixSeconds) -> Bool {
    let facts = RequestFacts(path: [], now: now)
    if !contextClasses.isEmpty, !Requirement.Condition.contextClasses(contextClasses).holds(claims, facts) {
      return false
    }
    guard let authenticationAge else { return true }
    return Requirement.Condition.authenticationAge(authenticationAge).holds(claims, facts)
  }

  /// Whether a user with these claims should be sent to authenticate as the remedy asks. Not if they have just come
  /// from there: the redirects would never end.
  public func asksForMore(than claims: borrowing ClaimsSet, at now: UnixSeconds) -> Bool {
    guard !contextClasses.isEmpty || authenticationAge != nil else { return false }
    var least = self
    least.authenticationAge = authenticationAge.map { max($0, Remedy.wayBackSeconds) }
    return !least.isMet(by: claims, at: now)
  }

  /// Seconds allowed between the authentication and the request that requires it.
  private static let wayBackSeconds: Int64 = 10
}

extension Requirement {
  /// The remedy that would satisfy the requirement, and the sign-in that it takes; nil if no single sign-in that a
  /// client can ask for would.
  ///
  /// Each context class named anywhere is tried on the whole requirement, that of the token first: what the branches of
  /// an `any` ask for may be excluded by a condition beside it, or by a `not`. Only scopes are not searched for: if a
  /// `not` excludes those of the first possible branch, no other branch is tried.
  func cure(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> (remedy: Remedy, signIn: SupposedSignIn)? {
    var classes = contextClasses
    if let present = classes.firstIndex(where: { claims.hasContextClass(anyOf: [$0]) }) {
      classes.insert(classes.remove(at: present), at: 0)
    }
    for contextClass in classes.map(Optional.some) + [nil] {
      var signIn = SupposedSignIn(contextClass: contextClass)
      guard var remedy = remedy(claims, facts.behind(signIn)) else { continue }
      signIn.scopes = remedy.scopes
      guard holds(claims, facts.behind(signIn)) else { continue }
      let isSame = holds(claims, facts.behind(signIn.with(nil)))
      var excluded: [String] = []
      for name in remedy.contextClasses where !holds(claims, facts.behind(signIn.with(name))) { excluded.append(name) }
      remedy.contextClasses.removeAll { excluded.contains($0) }
      // A class that only a `not` asks for is named by no branch.
      if let contextClass, !isSame, remedy.contextClasses.isEmpty { remedy.contextClasses = [contextClass] }
      signIn.isNew = false
      if remedy.authenticationAge == nil, !holds(claims, facts.behind(signIn)) { remedy.authenticationAge = 0 }
      return (remedy, SupposedSignIn(contextClass: contextClass))
    }
    return nil
  }

  /// What `facts.signIn` needs in addition to its context class to satisfy the requirement; nil if nothing would.
  fileprivate func remedy(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Remedy? {
    var sum = Remedy()
    for condition in conditions {
      guard let remedy = condition.remedy(claims, facts) else { return nil }
      sum.add(remedy)
    }
    return sum
  }

  /// One of `requirements` that holds as it is, or else the first that `facts.signIn` can satisfy; nil if there is
  /// neither.
  static func way(
    among requirements: [Requirement], _ claims: borrowing ClaimsSet, _ facts: RequestFacts
  ) -> (requirement: Requirement, remedy: Remedy)? {
    var first: (Requirement, Remedy)?
    for requirement in requirements {
      guard let remedy = requirement.remedy(claims, facts) else { continue }
      if requirement.holds(claims, facts.behind(nil)) { return (requirement, remedy) }
      if first == nil { first = (requirement, remedy) }
    }
    return first
  }

  /// The maximum number of context classes in a requirement, enforced by the configuration: each is tried on a refusal.
  public static let contextClassesMax = 32

  /// All context classes named in the requirement, without duplicates, in the order of the file.
  public var contextClasses: [String] {
    var classes: [String] = []
    for condition in conditions {
      switch condition {
      case .contextClasses(let named): for name in named where !classes.contains(name) { classes.append(name) }
      case .any(let inner), .all(let inner):
        for name in inner.flatMap(\.contextClasses) where !classes.contains(name) { classes.append(name) }
      case .not(let inner): for name in inner.contextClasses where !classes.contains(name) { classes.append(name) }
      case .roles, .scopes, .permissions, .claim, .owner, .authenticationAge: continue
      }
    }
    return classes
  }
}

extension Requirement.Condition {
  fileprivate func remedy(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Remedy? {
    switch self {
    case .scopes(let scopes): return Remedy(scopes: scopes)
    case .authenticationAge(let seconds): return Remedy(authenticationAge: seconds)
    case .any(let requirements): return Requirement.way(among: requirements, claims, facts)?.remedy
    case .all(let requirements): return Requirement(requirements.flatMap(\.conditions)).remedy(claims, facts)
    case .contextClasses(let classes): return holds(claims, facts) ? Remedy(contextClasses: classes) : nil
    case .roles, .permissions, .claim, .owner, .not: return holds(claims, facts) ? Remedy() : nil
    }
  }
}
