import Access

extension Resolver {
  mutating func resolveRequirement(_ route: RouteDraft) -> Requirement {
    guard let draft = route.requirement else { return Requirement() }
    let requirement = requirement(draft.value, of: route)
    checkContextClasses(requirement, draft.places.mapping)
    return requirement
  }

  /// - Parameter requirement: What the route requires already.
  mutating func resolveTried(_ route: RouteDraft, beside requirement: Requirement) -> TriedRequirement? {
    guard let draft = route.tried, let tried = draft.value.requirement else { return nil }
    checkEnforcement(draft)
    let own = self.requirement(tried.value, of: route)
    if !own.isEmpty, own.conditions.allSatisfy(requirement.conditions.contains) {
      reportIdle(draft.places.key("require"), "the route requires all of this already")
    }
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
  private mutating func requirement(_ draft: RequirementDraft, of route: RouteDraft) -> Requirement {
    var conditions: [Requirement.Condition] = []
    if let roles = draft.roles { conditions.append(.roles(roles)) }
    if let scopes = draft.scopes { conditions.append(.scopes(scopes)) }
    if let permissions = draft.permissions { conditions.append(.permissions(permissions)) }
    for claim in draft.claims ?? [] { conditions.append(.claim(claim.path, claim.values)) }
    if let owner = draft.owner, let condition = self.owner(owner, of: route) {
      conditions.append(condition)
    }
    if let any = draft.any { conditions.append(.any(requirements(any, of: route))) }
    if let all = draft.all { conditions.append(.all(requirements(all, of: route))) }
    for not in requirements(draft.not ?? [], of: route) { conditions.append(.not(not)) }
    if let classes = draft.contextClasses { conditions.append(.contextClasses(classes)) }
    if let age = draft.authenticationAge { conditions.append(.authenticationAge(age.components.seconds)) }
    return Requirement(conditions)
  }

  private mutating func requirements(_ drafts: [Decoded<RequirementDraft>], of route: RouteDraft) -> [Requirement] {
    var requirements: [Requirement] = []
    for draft in drafts { requirements.append(requirement(draft.value, of: route)) }
    return requirements
  }

  /// nil after a report, or where the route's path is none.
  private mutating func owner(_ draft: Decoded<OwnerDraft>, of route: RouteDraft) -> Requirement.Condition? {
    guard let path = draft.value.path, let claim = draft.value.claim, let pattern = route.path?.value.text else {
      return nil
    }
    checkProvider(of: draft, route)
    do throws(PatternError) {
      return .owner(
        try Requirement.Owner(path.value, of: pattern, claim: claim, provider: draft.value.provider?.value))
    } catch {
      report(path.position, "\(path.written) cannot be used: \(error.message)")
      return nil
    }
  }

  /// The same `sub` of two issuers is two people (SECURITY I-9).
  private mutating func checkProvider(of owner: Decoded<OwnerDraft>, _ route: RouteDraft) {
    guard case .providers(let names) = route.authentication else { return }
    guard let provider = owner.value.provider else {
      if names.count > 1 {
        report(
          owner.places.mapping,
          """
          the route has several providers, and the same claim of another is somebody else's: say whose it is with \
          "provider", and list an \"owner\" for each under \"any\" where several may
          """)
      }
      return
    }
    if !names.contains(where: { $0.value == provider.value }) {
      let known = names.map(\.value).joined(separator: ", ")
      report(provider.position, "\(provider.written) is not a provider of this route; it has \(known)")
    }
  }

  /// COPY and MOVE name a second path, of which nothing is decided (RFC 4918 §10.3).
  ///
  /// - Parameter route: One that compares the owner of the path.
  mutating func checkDestination(_ route: Decoded<RouteDraft>) {
    guard let method = route.value.methods?.first(where: { RouteConfiguration.methodsWithDestination.contains($0) })
    else { return }
    report(
      route.places.value("methods"),
      """
      \(method) names a second path, in Destination, whose owner nobody compares: leave it out, or require something \
      other than "owner"
      """)
  }
}
