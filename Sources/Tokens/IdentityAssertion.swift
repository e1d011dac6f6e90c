public import Crypto
internal import JSON

/// What tells an upstream who sends a request, in a token that it verifies with the gateway's published keys, so that it
/// need not trust the network between.
public struct IdentityAssertion: Sendable {
  /// The header's `typ`: its own, so that nobody takes it for an access token (RFC 8725 §3.11).
  public static let type = "portcullis-assertion+jwt"

  let issuer: String
  let audience: String
  let route: String
  let lifetimeSeconds: Int64

  /// - Parameters:
  ///   - issuer: Of the provider whose key signs.
  ///   - audience: Whom it is for.
  ///   - route: The name of the route that decided.
  ///   - lifetimeSeconds: For how long it is good, unless who it is about is good for less.
  public init(issuer: String, audience: String, route: String, lifetimeSeconds: Int64) {
    self.issuer = issuer
    self.audience = audience
    self.route = route
    self.lifetimeSeconds = lifetimeSeconds
  }

  /// Whether `type`, a media type, is that of an assertion.
  public static func isType(_ type: String) -> Bool { JOSEHeader.isMediaType(type, self.type) }

  /// From this second on it is not good.
  ///
  /// - Parameter deadline: Of who it is about.
  public func expiry(now: UnixSeconds, deadline: UnixSeconds) -> UnixSeconds { min(now + lifetimeSeconds, deadline) }

  /// A token of who these claims are about.
  ///
  /// - Parameters:
  ///   - deadline: From this second on they are not good.
  ///   - id: Of this token alone, `jti`.
  ///   - key: The issuer's.
  public func token(
    about claims: ClaimsSet, deadline: UnixSeconds, now: UnixSeconds, id: [UInt8], key: IssuerKey
  ) throws(SigningKeyError) -> [UInt8] {
    func words(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
    var members = [
      JSONObject.Member(name: "iss", value: .string(issuer)), JSONObject.Member(name: "aud", value: .string(audience)),
      JSONObject.Member(name: "iat", value: .integer(now)), JSONObject.Member(name: "nbf", value: .integer(now)),
      JSONObject.Member(name: "exp", value: .integer(expiry(now: now, deadline: deadline))),
      JSONObject.Member(name: "jti", value: .string(Base64URL.text(id))),
      JSONObject.Member(name: "idp", value: .string(claims.issuer)),
      JSONObject.Member(name: "roles", value: words(claims.roles)),
      JSONObject.Member(name: "permissions", value: words(claims.permissions)),
      JSONObject.Member(
        name: "scope", value: .string(claims.scopes.filter(IdentityAssertion.isScope).joined(separator: " "))),
      JSONObject.Member(name: "route", value: .string(route)),
      JSONObject.Member(name: "decided_at", value: .integer(now)),
    ]
    if let subject = claims.subject { members.append(JSONObject.Member(name: "sub", value: .string(subject))) }
    for name in ["preferred_username", "email"] {
      guard case .string(let text)? = claims.claim(ClaimPath(name: name)) else { continue }
      members.append(JSONObject.Member(name: name, value: .string(text)))
      guard name == "email" else { continue }
      // The upstream cannot tell otherwise what it may go by (SECURITY I-9).
      members.append(JSONObject.Member(name: "email_verified", value: .bool(claims.emailTrust == .proven)))
    }
    guard let object = JSONObject(members) else { throw .failed("JSONObject") }
    return try TokenMinter.mint(object, type: IdentityAssertion.type, with: key)
  }

  /// RFC 6749 §3.3: between spaces, one that holds a space would be two others.
  private static func isScope(_ word: String) -> Bool {
    !word.isEmpty && !word.utf8.contains(UInt8(ascii: " "))
  }
}
