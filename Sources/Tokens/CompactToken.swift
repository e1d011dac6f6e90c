internal import JSON

/// A compact JWS, decoded and not verified (RFC 7515 §7.1).
public struct CompactToken: Sendable {
  let header: JOSEHeader
  let payload: [UInt8]
  let signature: [UInt8]
  /// How many bytes of the token were signed: from its beginning to its second dot (RFC 7515 §5.2).
  let signedCount: Int
  /// How many of them are the header.
  let headerCount: Int

  /// - Parameter known: Headers that need not be read again.
  public init(_ token: Span<UInt8>, known: KnownHeaders? = nil) throws(TokenError) {
    let parts = try CompactParts(token)
    headerCount = parts.header.count
    signedCount = parts.payload.upperBound
    let headerText = token.extracting(parts.header)
    let knownHeader = known?.find(headerText)
    guard let header = knownHeader == nil ? Base64URL.decode(headerText) : [],
      let payload = Base64URL.decode(token.extracting(parts.payload)),
      let signature = Base64URL.decode(token.extracting(parts.signature))
    else { throw TokenError(.malformed) }
    self.payload = payload
    self.signature = signature
    if let knownHeader {
      self.header = knownHeader
    } else {
      self.header = try JOSEHeader(header)
      known?.keep(self.header, writtenAs: headerText)
    }
  }

  /// What `iss` says, before anything is verified: to choose among providers, and for nothing else. One that cannot be
  /// read is nobody's: no issuer is to blame for what it may not have signed.
  public func unverifiedIssuer() throws(TokenError) -> String {
    guard let claims = try? claims(keyID: nil), let value = claims.member("iss", of: claims.root),
      let issuer = claims.string(value)
    else { throw TokenError(.issuerUnknown(found: "")) }
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

/// Where the parts of a compact JWS stand.
struct CompactParts {
  let header: Range<Int>
  let payload: Range<Int>
  let signature: Range<Int>

  init(_ token: Span<UInt8>) throws(TokenError) {
    var dots = (first: 0, second: 0, count: 0)
    for index in token.indices where token[index] == UInt8(ascii: ".") {
      dots.count += 1
      if dots.count == 1 { dots.first = index }
      if dots.count == 2 { dots.second = index }
    }
    // RFC 7516 §9: five parts are a JWE.
    guard dots.count != 4, token.isEmpty || token[0] != UInt8(ascii: "{") else { throw TokenError(.encrypted) }
    guard dots.count == 2, dots.first > 0 else { throw TokenError(.malformed) }
    header = 0..<dots.first
    payload = dots.first + 1..<dots.second
    signature = dots.second + 1..<token.count
  }
}
