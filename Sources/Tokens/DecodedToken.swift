public import JSON

/// A token's header and claims, for people to read. Nothing about it is verified.
public struct DecodedToken: Sendable {
  /// The JOSE header (RFC 7515 §4).
  public let header: JSONObject
  /// The claims set (RFC 7519 §4). Anybody may have written it.
  public let claims: JSONObject

  /// Decodes a compact JWS without verifying it.
  ///
  /// - Throws: `encrypted` for a JWE, `malformed` if it is not three parts of base64url, `headerInvalid` or
  ///   `claimsInvalid` if that part is not a JSON object.
  public init(_ token: Span<UInt8>) throws(TokenError) {
    let parts = try CompactParts(token)
    guard let header = Base64URL.decode(token.extracting(parts.header)),
      let claims = Base64URL.decode(token.extracting(parts.payload)),
      Base64URL.decode(token.extracting(parts.signature)) != nil
    else { throw TokenError(.malformed) }
    guard let header = try? JSON.parse(header.span).object else { throw TokenError(.headerInvalid) }
    guard let claims = try? JSON.parse(claims.span).object else { throw TokenError(.claimsInvalid) }
    self.header = header
    self.claims = claims
  }
}
