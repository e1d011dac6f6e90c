internal import JSON

/// Comparing claims where they stand: a decision that holds makes no copy of them.
extension ClaimsSet {
  /// Whether the claim at `path` is one of `values`, or a list that holds one.
  public func claim(_ path: ClaimPath, holdsAnyOf values: [ClaimScalar]) -> Bool {
    guard isProof(path), let place = claims.place(path) else { return false }
    guard claims.kind(place) == .array else { return claims.isAny(of: values, at: place) }
    var next = claims.firstElement(of: place)
    while let element = next {
      if claims.isAny(of: values, at: element) { return true }
      next = claims.element(after: element, of: place)
    }
    return false
  }

  /// Whether the claim at `path` can be compared with values: a scalar, a list of them, or not there. Where something
  /// else than an object stands in its way, nobody knows what it would have said; nor of an `email` that is not verified.
  public func isScalarOrListOfThem(_ path: ClaimPath) -> Bool {
    guard isProof(path) else { return false }
    guard let place = claims.place(path) else { return claims.isAbsent(path) }
    guard claims.kind(place) == .array else { return claims.kind(place) != .object }
    var next = claims.firstElement(of: place)
    while let element = next {
      if claims.kind(element) == .object || claims.kind(element) == .array { return false }
      next = claims.element(after: element, of: place)
    }
    return true
  }

  /// Whether the claim at `path` is a text, an integer, null, or not there; as above.
  public func isTextOrInteger(_ path: ClaimPath) -> Bool {
    guard isProof(path) else { return false }
    guard let place = claims.place(path) else { return claims.isAbsent(path) }
    switch claims.kind(place) {
    case .string, .null: return true
    default: return claims.integer(place) != nil
    }
  }

  /// Whether the claim at `path` is a text, or an integer, that `isGood` takes; of an integer its decimal digits.
  public func claim(_ path: ClaimPath, isTextWhere isGood: (Span<UInt8>) -> Bool) -> Bool {
    guard isProof(path), let place = claims.place(path) else { return false }
    if let range = claims.stringRange(place) {
      return claims.withBytes { bytes in isGood(bytes.extracting(range)) }
    }
    guard let number = claims.integer(place) else { return false }
    let digits = "\(number)"
    return isGood(digits.utf8Span.span)
  }

  /// Whether `acr`, the authentication context class (OpenID Connect Core §2), is one of `classes`.
  public func hasContextClass(anyOf classes: [String]) -> Bool {
    guard let place = claims.member("acr", of: claims.root) else { return false }
    for name in classes where claims.isString(place, name) { return true }
    return false
  }

  /// `auth_time`, when they were authenticated (OpenID Connect Core §2), rounded down; nil where no number says it.
  public var authenticatedAt: UnixSeconds? {
    guard let place = claims.member("auth_time", of: claims.root) else { return nil }
    if let seconds = claims.integer(place) { return min(max(seconds, -ClaimsSet.timeBound), ClaimsSet.timeBound) }
    return claims.number(place).map { seconds in
      Int64(min(max(seconds.rounded(.down), -Double(ClaimsSet.timeBound)), Double(ClaimsSet.timeBound)))
    }
  }

  /// As of `TimeClaims`: sums below it cannot overflow.
  private static let timeBound: Int64 = 1 << 53
}

extension JSONDocument {
  fileprivate func isAny(of values: [ClaimScalar], at place: Place) -> Bool {
    for value in values {
      switch value {
      case .string(let text): if isString(place, text) { return true }
      case .integer(let number): if integer(place) == number { return true }
      case .boolean(let truth): if bool(place) == truth { return true }
      }
    }
    return false
  }
}
