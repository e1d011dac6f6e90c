internal import JSON

/// Who somebody might be, to try rules with: claims that nobody has signed. Rules read them as a token's; a Permit is
/// never made for them.
public final class SupposedToken: Sendable {
  public let claims: ClaimsSet

  /// - Parameters:
  ///   - authenticatedAt: `auth_time`; nil: it is left out.
  ///   - policy: The provider's that would have issued such a token.
  public init(
    _ stated: StatedClaims, authenticatedAt: UnixSeconds?, _ policy: TokenPolicy
  ) throws(ClaimConflict) {
    var value = try stated.value(policy.claims)
    // Rules may ask for what every token of the provider has.
    if value.object?["iss"] == nil { try value.set(ClaimPath(name: "iss"), .string(policy.issuer)) }
    // One of them, as most tokens have: a rule that tells audiences apart is tried with the one that is stated.
    if case .oneOf(let audiences) = policy.audiences, let first = audiences.first, value.object?["aud"] == nil {
      try value.set(ClaimPath(name: "aud"), .string(first))
    }
    if let authenticatedAt { try value.set(ClaimPath(name: "auth_time"), .integer(authenticatedAt)) }
    guard let document = try? JSONDocument(value.serialized().span) else {
      throw ClaimConflict(name: stated.others.last?.path.description ?? "claims")
    }
    claims = ClaimsSet(document, policy)
  }
}
