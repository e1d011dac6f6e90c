public import Tokens

extension Requirement {
  /// The paths of the claims that the requirement reads, for a provider with this mapping.
  public func claimPaths(_ mapping: ClaimMapping) -> [ClaimPath] {
    conditions.flatMap { condition in
      switch condition {
      case .roles: [mapping.roles]
      case .scopes: [mapping.scopes]
      case .permissions: [mapping.permissions]
      case .claim(let path, _): [path] + path.companions
      case .owner(let owner): [owner.claim] + owner.claim.companions
      case .contextClasses: [ClaimsSet.contextClassPath]
      case .authenticationAge: [ClaimsSet.authenticationTimePath]
      case .any(let requirements), .all(let requirements): requirements.flatMap { $0.claimPaths(mapping) }
      case .not(let requirement): requirement.claimPaths(mapping)
      }
    }
  }
}
