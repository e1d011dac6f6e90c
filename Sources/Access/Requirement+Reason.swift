import Reason
import Tokens

extension Requirement {
  /// The reason why the requirement fails, if no sign-in could satisfy it.
  func incurableReason(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Reason {
    switch incurable(claims, facts) {
    // Each condition could be satisfied by itself, but not all of them at once.
    case nil: .requirementUnmet
    case .all(let requirements)?: Requirement(requirements.flatMap(\.conditions)).incurableReason(claims, facts)
    case let condition?: condition.ownReason
    }
  }

  /// The first failing condition that no sign-in could satisfy; nil if each could be satisfied by itself.
  func incurable(_ claims: borrowing ClaimsSet, _ facts: RequestFacts) -> Condition? {
    for condition in conditions where !condition.holds(claims, facts) {
      if Requirement([condition]).cure(claims, facts) == nil { return condition }
    }
    return nil
  }
}

extension Requirement.Condition {
  /// The reason why the condition fails, if `signIn` would satisfy it; for an `all`, the reason of its first failing
  /// requirement.
  ///
  /// A client is not sent to sign in if the branch that it would take lacks something else.
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
      // The nested requirement held for the last sign-in, and would not hold for this one.
      let isOnlyOld = holds(claims, facts.behind(SupposedSignIn(contextClass: nil)))
      return isOnlyOld ? .authenticationTooOld : .acrInsufficient
    default: return ownReason
    }
  }

  /// The reason reported when a condition of this kind fails.
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
