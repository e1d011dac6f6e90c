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
    algorithm = SignatureAlgorithm.names.first { members.isString(name, $0.name) }?.algorithm
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

  /// The header of a token that may be opaque; nil where it has none: two dots, and in front of the first one a JSON
  /// object with `alg` or `typ`. Whatever is in the other two parts, an issuer may know how to read it.
  static func ofOpaque(_ token: Span<UInt8>) throws(TokenError) -> JOSEHeader? {
    guard let parts = try? CompactParts(token), let text = Base64URL.decode(token.extracting(parts.header)),
      let members = try? JSONDocument(text.span), members.kind(members.root) == .object,
      members.member("alg", of: members.root) != nil || members.member("typ", of: members.root) != nil
    else { return nil }
    return try JOSEHeader(text)
  }

  /// RFC 7515 §4.1.11: what is not understood has to be refused; `cty` would mean a token inside, `zip` a bomb.
  static let extensions = ["crit", "b64", "cty", "zip"]

  /// Checks that the token says that it is one of those that are looked for (RFC 8725 §3.11).
  ///
  /// - Parameter required: What `typ` has to say; nil: that it is a JWT (RFC 7519 §5.1) or an access token (RFC 9068
  ///   §2.1), or nothing.
  func checkType(_ required: String?) throws(TokenError) {
    guard let required else {
      guard let type else { return }
      if JOSEHeader.isMediaType(type, "JWT") || JOSEHeader.isMediaType(type, "at+jwt") { return }
      throw TokenError(.typeRefused(expected: "JWT or at+jwt"), keyID: keyID)
    }
    guard let type, JOSEHeader.isMediaType(type, required) else {
      throw TokenError(.typeRefused(expected: required), keyID: keyID)
    }
  }

  /// RFC 7515 §4.1.9: a media type, in any case, `application/` being left out or not.
  static func isMediaType(_ type: String, _ expected: String) -> Bool {
    let (type, expected) = (type.utf8Span.span, expected.utf8Span.span)
    return isSameWord(type, from: subtypeStart(type), expected, from: subtypeStart(expected))
  }

  /// Where it begins without `application/`, which may be left out where no other slash is in it.
  private static func subtypeStart(_ type: Span<UInt8>) -> Int {
    let prefix = "application/".utf8Span.span
    guard type.count > prefix.count, isSameWord(type.extracting(0..<prefix.count), from: 0, prefix, from: 0) else {
      return 0
    }
    for index in prefix.count..<type.count where type[index] == UInt8(ascii: "/") { return 0 }
    return prefix.count
  }

  /// Whether both are the same from there on, but for the case of ASCII letters.
  private static func isSameWord(
    _ left: Span<UInt8>, from leftStart: Int, _ right: Span<UInt8>, from rightStart: Int
  ) -> Bool {
    guard left.count - leftStart == right.count - rightStart else { return false }
    for index in leftStart..<left.count
    where lowered(left[index]) != lowered(right[rightStart + index - leftStart]) {
      return false
    }
    return true
  }

  private static func lowered(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }
}
