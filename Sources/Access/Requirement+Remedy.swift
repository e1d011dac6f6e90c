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

/// A sign-in that is yet to come. Of the rest the next token says what the last one did.
struct SupposedSignIn: Sendable, Equatable {
  /// nil: the last one's.
  var contextClass: String?
  /// Those that its token has beside the last one's.
  var scopes: [String] = []
  /// Whether it is only now that they are authenticated.
  var isNew = true

  /// The same with another class.
  func with(_ contextClass: String?) -> SupposedSignIn {
    SupposedSignIn(contextClass: contextClass, scopes: scopes, isNew: isNew)
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
  /// What would let it hold, and behind which sign-in; nil where no single one would that a client can ask for.
  ///
  /// Each class of authentication that is named anywhere is tried on the whole, that of the token first: what the ways
  /// of an `any` ask for may be excluded by what stands beside it, or by a `not`. Only scopes are not searched for: where
  /// a `not` excludes those of the first way that can be gone, no other way is tried.
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
      // What only a `not` asks for, no way has named.
      if let contextClass, !isSame, remedy.contextClasses.isEmpty { remedy.contextClasses = [contextClass] }
      signIn.isNew = false
      if remedy.authenticationAge == nil, !holds(claims, facts.behind(signIn)) { remedy.authenticationAge = 0 }
      return (remedy, SupposedSignIn(contextClass: contextClass))
    }
    return nil
  }

  /// What `facts.signIn` has to bring beside its class so that it holds; nil where nothing lets it.
  fileprivate func remedy(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Remedy? {
    var sum = Remedy()
    for condition in conditions {
      guard let remedy = condition.remedy(claims, facts) else { return nil }
      sum.add(remedy)
    }
    return sum
  }

  /// Of `requirements` one that holds as it is, or else the first that `facts.signIn` lets hold.
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

  /// A configuration that names more of them is none: each is tried on a refusal.
  public static let contextClassesMax = 32

  /// All that are named in it, in the order of the file.
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
