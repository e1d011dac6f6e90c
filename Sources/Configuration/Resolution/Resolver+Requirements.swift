import Access

extension Resolver {
  mutating func resolveRequirement(_ route: RouteDraft) -> Requirement {
    guard let draft = route.requirement else { return Requirement() }
    let requirement = requirement(draft.value, pattern: route.path?.value.text)
    checkContextClasses(requirement, draft.places.mapping)
    return requirement
  }

  /// - Parameter requirement: What the route requires already.
  mutating func resolveTried(_ route: RouteDraft, beside requirement: Requirement) -> TriedRequirement? {
    guard let draft = route.tried, let tried = draft.value.requirement else { return nil }
    let own = self.requirement(tried.value, pattern: route.path?.value.text)
    checkContextClasses(Requirement(requirement.conditions + own.conditions), tried.places.mapping)
    return TriedRequirement(own, beside: requirement, enforcement: draft.value.enforcement.enforcement)
  }

  private mutating func checkContextClasses(_ requirement: Requirement, _ position: Position) {
    let (count, most) = (requirement.contextClasses.count, Requirement.contextClassesMax)
    if count > most {
      report(position, "\(count) authentication context classes in one requirement; \(most) at most")
    }
  }

  /// What is looked up in the claims alone comes first, what another authentication cures last: nobody is asked to sign in
  /// anew who would be refused all the same.
  ///
  /// - Parameter pattern: The route's path, where it is a good one.
  private mutating func requirement(_ draft: RequirementDraft, pattern: String?) -> Requirement {
    var conditions: [Requirement.Condition] = []
    if let roles = draft.roles { conditions.append(.roles(roles)) }
    if let scopes = draft.scopes { conditions.append(.scopes(scopes)) }
    if let permissions = draft.permissions { conditions.append(.permissions(permissions)) }
    for claim in draft.claims ?? [] { conditions.append(.claim(claim.path, claim.values)) }
    if let owner = draft.owner?.value, let pattern, let condition = self.owner(owner, of: pattern) {
      conditions.append(condition)
    }
    if let any = draft.any { conditions.append(.any(requirements(any, pattern: pattern))) }
    if let all = draft.all { conditions.append(.all(requirements(all, pattern: pattern))) }
    for not in requirements(draft.not ?? [], pattern: pattern) { conditions.append(.not(not)) }
    if let classes = draft.contextClasses { conditions.append(.contextClasses(classes)) }
    if let age = draft.authenticationAge { conditions.append(.authenticationAge(age.components.seconds)) }
    return Requirement(conditions)
  }

  private mutating func requirements(_ drafts: [Decoded<RequirementDraft>], pattern: String?) -> [Requirement] {
    var requirements: [Requirement] = []
    for draft in drafts { requirements.append(requirement(draft.value, pattern: pattern)) }
    return requirements
  }

  /// nil after a report.
  private mutating func owner(_ draft: OwnerDraft, of pattern: String) -> Requirement.Condition? {
    guard let path = draft.path, let claim = draft.claim else { return nil }
    do throws(PatternError) {
      return .owner(try Requirement.Owner(path.value, of: pattern, claim: claim))
    } catch {
      report(path.position, "\(path.written) cannot be used: \(error.message)")
      return nil
    }
  }
}
