internal import JSON

/// What a JOSE header says, as far as it is listened to (RFC 7515 §4.1). `jwk`, `jku`, `x5u` and `x5c` are not: a token
/// does not say what it is verified with (RFC 8725 §3.10).
struct JOSEHeader: Sendable {
  /// nil where `alg` is none that is known.
  let algorithm: SignatureAlgorithm?
  let keyID: String?
  let type: String?

  /// RFC 7515 §4.1.4 gives no bound; no issuer needs more.
  static let keyIDBytesMax = 256

  init(_ text: [UInt8]) throws(TokenError) {
    guard let members = try? JSONDocument(text.span), members.kind(members.root) == .object else {
      throw TokenError(.headerInvalid)
    }
    var keyID: String?
    if let place = members.member("kid", of: members.root) {
      guard let text = members.string(place), text.utf8.count <= JOSEHeader.keyIDBytesMax else {
        throw TokenError(.headerInvalid)
      }
      keyID = text
    }
    self.keyID = keyID
    guard let name = members.member("alg", of: members.root), members.kind(name) == .string else {
      throw TokenError(.headerInvalid, keyID: keyID)
    }
    algorithm = JOSEHeader.algorithms.first { members.isString(name, $0.name) }?.algorithm
    for name in JOSEHeader.extensions where members.member(name, of: members.root) != nil {
      throw TokenError(.extensionRefused(name), keyID: keyID)
    }
    if let place = members.member("typ", of: members.root) {
      guard let name = members.string(place) else { throw TokenError(.headerInvalid, keyID: keyID) }
      type = name
    } else {
      type = nil
    }
  }

  private static let algorithms = SignatureAlgorithm.allCases.map { (name: $0.rawValue, algorithm: $0) }
  /// RFC 7515 §4.1.11: what is not understood has to be refused; `cty` would mean a token inside, `zip` a bomb.
  static let extensions = ["crit", "b64", "cty", "zip"]

  /// Checks that the token says that it is one of those that are looked for (RFC 8725 §3.11).
  ///
  /// - Parameter required: What `typ` has to say; nil: that it is a JWT (RFC 7519 §5.1) or an access token (RFC 9068
  ///   §2.1), or nothing.
  func checkType(_ required: String?) throws(TokenError) {
    guard let required else {
      guard let type else { return }
      for accepted in ["JWT", "at+jwt"] where JOSEHeader.isMediaType(type, accepted) { return }
      throw TokenError(.typeRefused(expected: "JWT or at+jwt"), keyID: keyID)
    }
    guard let type, JOSEHeader.isMediaType(type, required) else {
      throw TokenError(.typeRefused(expected: required), keyID: keyID)
    }
  }

  /// RFC 7515 §4.1.9: a media type, in any case, `application/` being left out or not.
  static func isMediaType(_ type: String, _ expected: String) -> Bool {
    isSameWord(JOSEHeader.withoutApplication(type), JOSEHeader.withoutApplication(expected))
  }

  private static func withoutApplication(_ type: String) -> Substring.UTF8View {
    let prefix = "application/"
    let bytes = type[...].utf8
    guard bytes.count > prefix.utf8.count, isSameWord(bytes.prefix(prefix.utf8.count), prefix[...].utf8) else {
      return bytes
    }
    let rest = bytes.dropFirst(prefix.utf8.count)
    // RFC 7515 §4.1.9: it may be left out where no other slash is in it.
    return rest.contains(UInt8(ascii: "/")) ? bytes : rest
  }

  /// Whether both are the same but for the case of ASCII letters.
  private static func isSameWord(_ left: Substring.UTF8View, _ right: Substring.UTF8View) -> Bool {
    left.lazy.map(lowered).elementsEqual(right.lazy.map(lowered))
  }

  private static func lowered(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }
}
