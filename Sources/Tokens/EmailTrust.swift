internal import JSON

/// What may be thought of the `email` of claims: whoever can have an issuer write an address that is not theirs is nobody
/// by it (SECURITY I-9).
enum EmailTrust: Sendable {
  /// It is verified: rules may go by it.
  case proven
  /// Nobody says whether it is verified: it is told, and proves nothing.
  case stated
  /// It is said not to be verified, or is not one address: it is as if it were not there.
  case denied

  init(_ claims: JSONDocument, _ verification: EmailVerification) {
    // What is null says no more than what is absent, and is logged as the same.
    guard let email = claims.member("email", of: claims.root), claims.kind(email) != .null else {
      self = .proven
      return
    }
    var isVerified = verification == .assumed
    if let place = claims.member("email_verified", of: claims.root), claims.kind(place) != .null {
      // Some issuers write booleans as strings.
      guard claims.bool(place) == true || claims.isString(place, "true") else {
        self = .denied
        return
      }
      isVerified = true
    }
    guard EmailTrust.holdsAddresses(claims, email) else {
      self = .denied
      return
    }
    self = isVerified ? .proven : .stated
  }

  /// One address, or a list of them, as certificates have it. Readers differ on whose `a@b@c` is.
  private static func holdsAddresses(_ claims: JSONDocument, _ place: JSONDocument.Place) -> Bool {
    switch claims.kind(place) {
    case .string:
      guard let range = claims.stringRange(place) else { return false }
      return claims.withBytes { bytes in
        var signs = 0
        for index in range where bytes[index] == UInt8(ascii: "@") { signs += 1 }
        return signs == 1
      }
    case .array:
      var next = claims.firstElement(of: place)
      while let element = next {
        guard claims.kind(element) == .string, holdsAddresses(claims, element) else { return false }
        next = claims.element(after: element, of: place)
      }
      return true
    default: return false
    }
  }
}

extension ClaimsSet {
  /// `email_verified` (OpenID Connect Core §5.1).
  public static let emailVerifiedPath = ClaimPath(name: "email_verified")

  /// Whether rules may go by the claim at `path`: by any but an `email` that is not known to be verified.
  public func isProof(_ path: ClaimPath) -> Bool { !path.isEmail || emailTrust == .proven }
}

extension ClaimPath {
  /// What rules that read the claim here read beside it.
  public var companions: [ClaimPath] { isEmail ? [ClaimsSet.emailVerifiedPath] : [] }
}
