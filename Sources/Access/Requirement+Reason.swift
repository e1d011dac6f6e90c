import Reason
import Tokens

extension Requirement {
  /// Why it does not hold, where no sign-in would let it.
  func incurableReason(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Reason {
    switch incurable(claims, facts) {
    // Each could be brought, and not all at once.
    case nil: .requirementUnmet
    case .all(let requirements)?: Requirement(requirements.flatMap(\.conditions)).incurableReason(claims, facts)
    case let condition?: condition.ownReason
    }
  }

  /// The first condition that does not hold and that no sign-in would let hold.
  func incurable(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Condition? {
    for condition in conditions where !condition.holds(claims, facts) {
      if Requirement([condition]).cure(claims, facts) == nil { return condition }
    }
    return nil
  }
}

extension Requirement.Condition {
  /// Why it does not hold, where `signIn` would let it: of an `all` what that is of the first that fails.
  ///
  /// Nobody is sent to sign in who lacks something else of the way that they have to go.
  func reason(
    _ claims: borrowing ClaimsSet, _ facts: RequestFacts, behind signIn: SupposedSignIn
  ) -> Reason {
    switch self {
    case .all(let requirements):
      for requirement in requirements {
        if let failed = requirement.failed(claims, facts) { return failed.reason(claims, facts, behind: signIn) }
      }
      return ownReason
    case .any(let requirements):
      guard let way = Requirement.way(among: requirements, claims, facts.behind(signIn)),
        let failed = way.requirement.failed(claims, facts)
      else { return ownReason }
      let reason = failed.reason(claims, facts, behind: signIn)
      return reason.status == 401 ? reason : ownReason
    case .not:
      // What it names was true of the last sign-in, and is not of this one.
      let isOnlyOld = holds(claims, facts.behind(SupposedSignIn(contextClass: nil)))
      return isOnlyOld ? .authenticationTooOld : .acrInsufficient
    default: return ownReason
    }
  }

  /// What it is called when it does not hold.
  fileprivate var ownReason: Reason {
    switch self {
    case .roles: .roleMissing
    case .scopes: .scopeMissing
    case .permissions: .permissionMissing
    case .claim: .claimMismatch
    case .owner: .ownerMismatch
    case .contextClasses: .acrInsufficient
    case .authenticationAge: .authenticationTooOld
    case .any, .all: .requirementUnmet
    case .not: .requirementExcluded
    }
  }
}
