public import JSON

/// A token's header and claims, for people to read. Nothing about it is verified.
public struct DecodedToken: Sendable {
  public let header: JSONObject
  public let claims: JSONObject

  public init(_ token: Span<UInt8>) throws(TokenError) {
    let compact = try CompactToken(token)
    guard let header = try? JSON.parse(compact.header.span).object else { throw TokenError(.headerInvalid) }
    self.header = header
    guard let claims = try? JSON.parse(compact.payload.span).object else { throw TokenError(.claimsInvalid) }
    self.claims = claims
  }
}
