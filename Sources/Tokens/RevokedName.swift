/// What an entry of `Revocations` names, whichever provider's tokens it means.
public struct RevokedName: Sendable, Hashable {
  /// What the value is compared with.
  public let kind: Revocations.Kind
  /// The value of the claim, or the `kid`.
  public let value: String

  /// - Parameter value: As a token states it.
  public init(_ kind: Revocations.Kind, _ value: String) {
    self.kind = kind
    self.value = value
  }
}

extension Revocations {
  /// What an entry has to name, one of these, to revoke who was authenticated by these claims.
  ///
  /// - Parameter keyID: The `kid` of the key that signed them.
  public static func names(revoking claims: ClaimsSet, keyID: String?) -> [RevokedName] {
    let all: [(Kind, String?)] = [
      (.tokenID, claims.tokenID), (.subject, claims.subject), (.keyID, keyID), (.signInID, claims.signInID),
    ]
    return all.compactMap { kind, value in value.map { RevokedName(kind, $0) } }
  }

  /// The names of the entries that `earlier` has not.
  ///
  /// - Returns: nil where they are more than `most`.
  public func names(addedSince earlier: Revocations, most: Int) -> [RevokedName]? {
    var names: [RevokedName] = []
    var count = 0
    forEachAdded(since: earlier) { kind, value in
      count += 1
      if count <= most { names.append(RevokedName(kind, value)) }
    }
    return count <= most ? names : nil
  }
}
