internal import JSON

/// What a JOSE header says, as far as it is listened to (RFC 7515 §4.1). `jwk`, `jku`, `x5u` and `x5c` are not: a token
/// does not say what it is verified with (RFC 8725 §3.10).
struct JOSEHeader {
  /// nil where `alg` is none that is known.
  let algorithm: SignatureAlgorithm?
  let keyID: String?

  /// RFC 7515 §4.1.4 gives no bound; no issuer needs more.
  static let keyIDBytesMax = 256

  init(_ text: [UInt8]) throws(TokenError) {
    guard let members = try? JSON.parse(text.span).object else { throw TokenError(.headerInvalid) }
    var keyID: String?
    if let value = members["kid"] {
      guard let text = value.string, text.utf8.count <= JOSEHeader.keyIDBytesMax else {
        throw TokenError(.headerInvalid)
      }
      keyID = text
    }
    self.keyID = keyID
    guard let name = members["alg"]?.string else { throw TokenError(.headerInvalid, keyID: keyID) }
    algorithm = SignatureAlgorithm.allCases.first { $0.rawValue.isSameBytes(as: name) }
    // RFC 7515 §4.1.11: what is not understood has to be refused; `cty` would mean a token inside, `zip` a bomb.
    for name in ["crit", "b64", "cty", "zip"] where members[name] != nil {
      throw TokenError(.extensionRefused(name), keyID: keyID)
    }
    if let type = members["typ"] {
      guard let name = type.string else { throw TokenError(.headerInvalid, keyID: keyID) }
      guard JOSEHeader.isAccessToken(name) else { throw TokenError(.typeRefused, keyID: keyID) }
    }
  }

  /// RFC 7515 §4.1.9: a media type, in any case, `application/` being left out or not; RFC 9068 §2.1.
  private static func isAccessToken(_ type: String) -> Bool {
    let lowered = type.utf8.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 }
    return ["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains { lowered.elementsEqual($0.utf8) }
  }
}
