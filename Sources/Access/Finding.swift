public import Reason
import Tokens

/// How one condition was decided, to be shown to people.
public struct Finding: Sendable, Equatable {
  /// What the condition asks for, in words.
  public let expected: String
  /// What the claims say about it, in words. It may quote claims and the path, so it is not for logs or for the client.
  public let found: String
  /// Why the condition does not hold; nil if it does.
  public let reason: Reason?
  /// The findings of the conditions that it consists of; empty for a simple one.
  public let inner: [Finding]
  /// Whether the condition is only tried, and not required.
  public internal(set) var isTried = false

  /// Whether the condition is satisfied.
  public var holds: Bool { reason == nil }

  init(_ reason: Reason?, expected: String, found: String, inner: [Finding] = []) {
    self.reason = reason
    self.expected = expected
    self.found = found
    self.inner = inner
  }

  /// One line for the finding, and more deeply indented ones for those in it. Control characters in claims are escaped,
  /// so that they cannot control a terminal.
  public func lines(indent: String) -> [String] {
    let line = "\(indent)\(holds ? "holds" : "LACKS")  \(expected); found \(found)"
    return [Finding.printable(line)] + inner.flatMap { $0.lines(indent: indent + "  ") }
  }

  private static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// What is lacking, in a few words.
  fileprivate var lack: String {
    guard let failed = inner.first(where: { !$0.holds }), expected == Finding.all else {
      return "\(expected) (found \(found))"
    }
    return failed.lack
  }

  fileprivate static let all = "all of"
}

extension Requirement {
  /// Each condition, decided by the functions that decide requests.
  func findings(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> [Finding] {
    let cure = cure(claims, facts)
    var findings: [Finding] = []
    for condition in conditions {
      var reason: Reason?
      if !condition.holds(claims, facts) {
        reason =
          cure.map { condition.reason(claims, facts, behind: $0.signIn) }
          ?? Requirement([condition]).refusal(of: claims, facts)?.reason
      }
      findings.append(condition.finding(reason, claims, facts))
    }
    return findings + exclusion(claims, facts)
  }

  fileprivate func finding(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Finding {
    let findings = findings(claims, facts)
    if findings.count == 1 { return findings[0] }
    let reason = refusal(of: claims, facts)?.reason
    return Finding(reason, expected: Finding.all, found: Finding.count(findings), inner: findings)
  }

  /// That the conditions exclude each other, where they do.
  fileprivate func exclusion(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> [Finding] {
    guard !holds(claims, facts), cure(claims, facts) == nil, incurable(claims, facts) == nil else { return [] }
    return [Finding(.requirementUnmet, expected: "one sign-in that brings all of this", found: "that there is none")]
  }

  fileprivate static func findings(
    _ requirements: [Requirement], _ claims: borrowing ClaimsSet, _ facts: RequestFacts
  ) -> [Finding] {
    var findings: [Finding] = []
    for requirement in requirements { findings.append(requirement.finding(claims, facts)) }
    return findings
  }
}

extension Finding {
  fileprivate static func shown(_ path: ClaimPath, _ claims: borrowing ClaimsSet) -> String {
    let shown = claims.statedClaim(path).shown
    if claims.isProof(path) { return shown }
    return "\(shown), with email_verified \(claims.claim(ClaimsSet.emailVerifiedPath).shown)"
  }

  fileprivate static func count(_ findings: [Finding]) -> String {
    "\(findings.count { $0.holds }) of \(findings.count)"
  }
}

extension Requirement.Condition {
  /// - Parameter reason: Why it does not hold; nil: it does.
  fileprivate func finding(_ reason: Reason?, _ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Finding {
    func made(_ expected: String, _ found: String, _ inner: [Finding] = []) -> Finding {
      Finding(reason, expected: expected, found: found, inner: inner)
    }
    switch self {
    case .roles(let roles): return made("any of the roles \(roles.listed)", claims.roles.listed)
    case .scopes(let scopes):
      for scope in scopes where !claims.hasScope(scope) { return made("the scope \(scope)", claims.scopes.listed) }
      return made("the scopes \(scopes.listed)", claims.scopes.listed)
    case .permissions(let permissions):
      for permission in permissions where !claims.hasPermission(permission) {
        return made("the permission \(permission)", claims.permissions.listed)
      }
      return made("the permissions \(permissions.listed)", claims.permissions.listed)
    case .claim(let path, let values):
      return made("the claim \(path) is \(values.map(\.text).listed)", Finding.shown(path, claims))
    case .owner(let owner):
      let (whose, found) = (owner.provider.map { " of \($0)" } ?? "", Finding.shown(owner.claim, claims))
      return made(
        "the claim \(owner.claim)\(whose) is the path's {\(owner.name)}, \(owner.text(in: facts.path.span))",
        owner.isAbout(claims) ? found : "\(found), of \(claims.provider)")
    case .contextClasses(let classes):
      return made("acr is any of \(classes.listed)", claims.claim(ClaimPath(name: "acr")).shown)
    case .authenticationAge(let seconds):
      let found = claims.authenticationAge(at: facts.now).map { "\($0) s ago" }
      let stated = claims.authenticatedAt == nil ? "no auth_time" : "auth_time is in the future"
      return made("authenticated at most \(seconds) s ago", found ?? stated)
    case .any(let requirements):
      let inner = Requirement.findings(requirements, claims, facts)
      let lacks = inner.enumerated().map { "\($0.offset + 1): \($0.element.lack)" }.joined(separator: "; ")
      return made("any of \(inner.count)", reason == nil ? Finding.count(inner) : "none: needed \(lacks)", inner)
    case .all(let requirements):
      let inner = Requirement.findings(requirements, claims, facts)
      let exclusion = Requirement(requirements.flatMap(\.conditions)).exclusion(claims, facts)
      return made(Finding.all, Finding.count(inner), inner + exclusion)
    case .not(let requirement):
      let inner = requirement.finding(claims, facts)
      return made("not: \(inner.expected)", inner.found, [inner])
    }
  }
}

extension [String] {
  fileprivate var listed: String { isEmpty ? "none" : joined(separator: ", ") }
}

extension ClaimValue? {
  /// For people.
  fileprivate var shown: String {
    switch self {
    case nil: "absent"
    case .null: "null"
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .number(let number): "\(number)"
    case .boolean(let truth): "\(truth)"
    case .list(let items): "[" + items.map { Optional($0).shown }.joined(separator: ", ") + "]"
    case .object: "an object"
    }
  }
}
