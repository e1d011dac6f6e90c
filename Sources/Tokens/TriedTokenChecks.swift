internal import JSON
internal import Reason

/// What a provider may ask of its tokens in future, beside what it asks for now. It refuses nobody but a share of the
/// senders.
public struct TriedTokenChecks: Sendable, Equatable {
  /// Instead of the policy's; nil: as they are.
  public var audiences: Audiences?
  /// Instead of the policy's; nil: as it is.
  public var ageMaxSeconds: Int64?
  /// Instead of the policy's; nil: as it is.
  public var type: String?
  /// Added to the policy's.
  public var requiredClaims: [ClaimPath]
  /// For so many in a hundred senders it is enforced, 0 to 99.
  public var enforcedPercentage: Int

  /// By default nothing is tried, and nothing enforced.
  public init(
    audiences: Audiences? = nil, ageMaxSeconds: Int64? = nil, type: String? = nil, requiredClaims: [ClaimPath] = [],
    enforcedPercentage: Int = 0
  ) {
    self.audiences = audiences
    self.ageMaxSeconds = ageMaxSeconds
    self.type = type
    self.requiredClaims = requiredClaims
    self.enforcedPercentage = enforcedPercentage
  }
}

/// What came of trying them on a token that is good: once for each token, as nothing but its age changes afterwards.
struct TriedTokenResult: Sendable {
  private let refusal: Reason?
  /// From this second on the token would be too old.
  private let deadline: UnixSeconds
  let enforcedPercentage: Int

  fileprivate init(refusal: Reason?, deadline: UnixSeconds, enforcedPercentage: Int) {
    self.refusal = refusal
    self.deadline = deadline
    self.enforcedPercentage = enforcedPercentage
  }

  /// Why the token would be refused; nil: it would not.
  func refusal(at now: UnixSeconds) -> Reason? { refusal ?? (now < deadline ? nil : .tokenTooOld) }
}

extension TokenPolicy {
  /// Tries what is tried by the checks that would enforce it.
  ///
  /// - Parameter header: nil: there is none, and what is tried of it is not looked at.
  /// - Returns: nil: nothing is tried.
  func tryChecks(
    _ claims: JSONDocument, _ header: JOSEHeader? = nil, from origin: ClaimsOrigin = .token, now: UnixSeconds
  ) -> TriedTokenResult? {
    guard let tried else { return nil }
    var policy = self
    policy.audiences = tried.audiences ?? audiences
    policy.ageMaxSeconds = tried.ageMaxSeconds ?? ageMaxSeconds
    policy.requiredClaims += tried.requiredClaims
    do throws(TokenError) {
      try header?.checkType(tried.type ?? type)
      let times = try policy.check(claims, from: origin, now: now, keyID: nil).times
      return TriedTokenResult(
        refusal: nil, deadline: times.deadline, enforcedPercentage: tried.enforcedPercentage)
    } catch {
      return TriedTokenResult(
        refusal: error.reason, deadline: .max, enforcedPercentage: tried.enforcedPercentage)
    }
  }
}
