internal import JSON

extension ClaimsSet {
  /// What a token would say, to try rules with: nobody has signed it, and no identity is made of it.
  ///
  /// - Parameters:
  ///   - authenticatedAt: `auth_time`; nil: it is left out.
  ///   - policy: The provider's that would have issued such a token.
  ///   - now: When what the provider tries is looked at, but for the header; nil: it is not.
  public convenience init(
    supposing stated: StatedClaims, authenticatedAt: UnixSeconds?, _ policy: TokenPolicy,
    triedAt now: UnixSeconds? = nil
  ) throws(ClaimConflict) {
    var value = try stated.value(policy.claims)
    // Rules may ask for what every token of the provider has.
    if value.object?["iss"] == nil { try value.set(ClaimPath(name: "iss"), .string(policy.issuer)) }
    // One of them, as most tokens have: a rule that tells audiences apart is tried with the one that is stated.
    if case .oneOf(let audiences) = policy.audiences, let first = audiences.first, value.object?["aud"] == nil {
      try value.set(ClaimPath(name: "aud"), .string(first))
    }
    if let authenticatedAt { try value.set(ClaimPath(name: "auth_time"), .integer(authenticatedAt)) }
    // It is a fresh one, unless it says otherwise.
    if let now, policy.tried?.ageMaxSeconds != nil, value.object?["iat"] == nil {
      try value.set(ClaimPath(name: "iat"), .integer(now))
    }
    guard let document = try? JSONDocument(value.serialized().span) else {
      throw ClaimConflict(name: stated.others.last?.path.description ?? "claims")
    }
    self.init(document, policy, tried: now.flatMap { policy.tryChecks(document, from: .issuer, now: $0) })
  }
}
