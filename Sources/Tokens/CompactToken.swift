internal import JSON

/// A compact JWS, decoded and not verified (RFC 7515 §7.1).
public struct CompactToken: Sendable {
  let header: [UInt8]
  let payload: [UInt8]
  let signature: [UInt8]
  /// How many bytes of the token were signed: from its beginning to its second dot (RFC 7515 §5.2).
  let signedCount: Int

  public init(_ token: Span<UInt8>) throws(TokenError) {
    var dots = (first: 0, second: 0, count: 0)
    for index in token.indices where token[index] == UInt8(ascii: ".") {
      dots.count += 1
      if dots.count == 1 { dots.first = index }
      if dots.count == 2 { dots.second = index }
    }
    // RFC 7516 §9: five parts are a JWE.
    guard dots.count != 4, token.isEmpty || token[0] != UInt8(ascii: "{") else { throw TokenError(.encrypted) }
    guard dots.count == 2 else { throw TokenError(.malformed) }
    guard dots.first > 0, let header = Base64URL.decode(token.extracting(0..<dots.first)),
      let payload = Base64URL.decode(token.extracting(dots.first + 1..<dots.second)),
      let signature = Base64URL.decode(token.extracting(dots.second + 1..<token.count))
    else { throw TokenError(.malformed) }
    self.header = header
    self.payload = payload
    self.signature = signature
    signedCount = dots.second
  }

  /// What `iss` says, before anything is verified: to choose among providers, and for nothing else.
  public func unverifiedIssuer() throws(TokenError) -> String {
    let claims = try claims(keyID: nil)
    guard let value = claims.member("iss", of: claims.root) else { throw TokenError(.claimMissing("iss")) }
    guard let issuer = claims.string(value) else { throw TokenError(.claimMalformed("iss")) }
    return issuer
  }

  /// The payload's members, whether or not the signature holds.
  ///
  /// - Parameter keyID: For the error.
  func claims(keyID: String?) throws(TokenError) -> JSONDocument {
    guard let claims = try? JSONDocument(payload.span), claims.kind(claims.root) == .object else {
      throw TokenError(.claimsInvalid, keyID: keyID)
    }
    return claims
  }
}
