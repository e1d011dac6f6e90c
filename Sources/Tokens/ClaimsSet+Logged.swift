internal import JSON

extension ClaimsSet {
  /// What the access log says of somebody's claims, to try rules with: nobody has signed it, and no identity is made of
  /// it.
  ///
  /// - Parameters:
  ///   - text: As `append(_:to:)` has written it.
  ///   - subject: As the log says it beside them.
  ///   - policy: Of the provider whose token it was.
  /// - Returns: nil where it is no JSON object.
  public convenience init?(logged text: Span<UInt8>, subject: String?, _ policy: TokenPolicy) {
    guard let document = try? JSONDocument(text, depthMax: 32), document.kind(document.root) == .object else {
      return nil
    }
    self.init(document, policy, subject: subject)
  }

  /// Whether what stands at `path` was logged, also that nothing does.
  public func says(_ path: ClaimPath) -> Bool {
    var place = claims.root
    for name in path.names {
      // What is no object has nothing in it.
      guard claims.kind(place) == .object else { return true }
      guard let inner = claims.member(name, of: place) else { return false }
      place = inner
    }
    return true
  }
}
