import Reason
public import Tokens

/// A value that a claim is compared with: quotes decide in the configuration as they do in a token.
public enum ClaimScalar: Sendable, Hashable {
  case string(String)
  case integer(Int64)
  case boolean(Bool)

  /// As an operator writes it.
  public var text: String {
    switch self {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .boolean(let truth): "\(truth)"
    }
  }
}

/// What an identity has to bring. All parts have to hold; an empty one always does.
public struct Requirement: Sendable {
  /// Any of them.
  public var roles: [String]
  /// All of them (RFC 6749 §3.3).
  public var scopes: [String]
  /// All of them.
  public var permissions: [String]
  /// Each claim has one of the values, or is a list that holds one.
  public var claims: [(ClaimPath, [ClaimScalar])]

  public init(
    roles: [String] = [], scopes: [String] = [], permissions: [String] = [],
    claims: [(ClaimPath, [ClaimScalar])] = []
  ) {
    self.roles = roles
    self.scopes = scopes
    self.permissions = permissions
    self.claims = claims
  }

  public var isEmpty: Bool { roles.isEmpty && scopes.isEmpty && permissions.isEmpty && claims.isEmpty }

  /// What they lack who have these claims; nil where they lack nothing.
  func refusal(of claims: borrowing ClaimsSet) -> Refusal? {
    if !roles.isEmpty, !hasAnyRole(claims) {
      return Refusal(
        .roleMissing, expected: "any of the roles \(Requirement.list(roles))", found: Requirement.list(claims.roles))
    }
    for scope in scopes where !claims.hasScope(scope) {
      return Refusal(
        .scopeMissing, expected: "the scope \(scope)", found: Requirement.list(claims.scopes), neededScopes: scopes)
    }
    for permission in permissions where !claims.hasPermission(permission) {
      return Refusal(
        .permissionMissing, expected: "the permission \(permission)", found: Requirement.list(claims.permissions))
    }
    for (path, values) in self.claims {
      let claim = claims.claim(path)
      if !Requirement.holds(claim, anyOf: values) {
        return Refusal(
          .claimMismatch, expected: "the claim \(path) is \(Requirement.list(values.map(\.text)))",
          found: claim == nil ? "absent" : "another value")
      }
    }
    return nil
  }

  private func hasAnyRole(_ claims: borrowing ClaimsSet) -> Bool {
    for role in roles where claims.hasRole(role) { return true }
    return false
  }

  private static func holds(_ claim: ClaimValue?, anyOf values: [ClaimScalar]) -> Bool {
    guard let claim else { return false }
    if case .list(let items) = claim { return items.contains { item in values.contains { equals(item, $0) } } }
    return values.contains { equals(claim, $0) }
  }

  private static func equals(_ claim: ClaimValue, _ value: ClaimScalar) -> Bool {
    switch (claim, value) {
    case (.string(let left), .string(let right)): left.isSameBytes(as: right)
    case (.integer(let left), .integer(let right)): left == right
    case (.boolean(let left), .boolean(let right)): left == right
    default: false
    }
  }

  private static func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}
