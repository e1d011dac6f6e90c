import JSON
import Tokens

/// The rules for claims once more, without the order of work and without integer arithmetic.
enum ReferenceClaims {
  static let now: UnixSeconds = 1_750_000_000
  static let leewaySeconds: Int64 = 30
  static let ageMaxSeconds: Int64 = 300
  static let issuer = "https://idp.example"
  static let audiences = ["api", "other"]
  static let policy = TokenPolicy(
    provider: "idp", issuer: issuer, audiences: .oneOf(audiences), leewaySeconds: leewaySeconds, tokenBytesMax: .max)
  /// Wants more of the same token.
  static let strictPolicy = {
    var strict = policy
    strict.ageMaxSeconds = ageMaxSeconds
    strict.requiredClaims = [ClaimPath(name: "scope")]
    return strict
  }()

  /// Whether a token may say this (SECURITY T-11 to T-13).
  static func areGood(_ claims: JSONObject) -> Bool {
    claims["iss"] != nil && claims["exp"] != nil && areGoodFromIssuer(claims)
  }

  /// Whether an issuer that was asked may say this: `iss` and `exp` may be left out (RFC 7662 §2.2).
  static func areGoodFromIssuer(_ claims: JSONObject) -> Bool {
    guard claims["iss"].map({ $0 == .string(issuer) }) ?? true else { return false }
    for name in ["sub", "jti"] {
      guard claims[name].map({ $0.string != nil }) ?? true else { return false }
    }
    switch claims["aud"] {
    case .string(let text): guard audiences.contains(text) else { return false }
    case .array(let elements):
      let texts = elements.compactMap(\.string)
      guard texts.count == elements.count, texts.contains(where: { audiences.contains($0) }) else { return false }
    default: return false
    }
    if let value = claims["exp"] {
      guard let expiry = seconds(value), expiry > Double(now - leewaySeconds) else { return false }
    }
    for name in ["nbf", "iat"] {
      guard let value = claims[name] else { continue }
      guard let time = seconds(value), time <= Double(now + leewaySeconds) else { return false }
    }
    return true
  }

  /// What the strict policy wants beside that.
  static func areStrict(_ claims: JSONObject) -> Bool {
    guard let issuedAt = seconds(claims["iat"]), let scope = claims["scope"] else { return false }
    return issuedAt > Double(now - leewaySeconds - ageMaxSeconds) && scope != .null
  }

  static func seconds(_ value: JSONValue?) -> Double? {
    switch value {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    default: nil
    }
  }

  /// RFC 6749 §3.3: words stand between spaces; in a list each string is one.
  private static func words(_ value: JSONValue?) -> [String] {
    switch value {
    case .string(let text):
      text.utf8.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    case .array(let elements) where elements.allSatisfy({ $0.string != nil }): elements.compactMap(\.string)
    default: []
    }
  }

  /// Roles may be the names of an object of objects too.
  private static func roles(_ value: JSONValue?) -> [String] {
    guard case .object(let object) = value else { return words(value) }
    return object.members.allSatisfy { $0.value.object != nil } ? object.members.map(\.name) : []
  }

  /// What is made of good claims (SECURITY T-17).
  static func check(_ found: ClaimsSet, _ claims: JSONObject) throws(Violation) {
    try require(found.issuer == issuer && found.provider == "idp", "the issuer is the provider's")
    try require(found.subject == claims["sub"]?.string, "the subject is the one that is named")
    let (scopes, roles) = (words(claims["scope"]), roles(claims["roles"]))
    try require(found.scopes == scopes && found.roles == roles, "rights are whole words")
    for word in scopes + roles + ["", "rea", "x"] {
      try require(found.hasScope(word) == scopes.containsSameBytes(as: word), "a scope is a whole word")
      try require(found.hasRole(word) == roles.containsSameBytes(as: word), "a role is a whole word")
    }
    for member in claims.members {
      try require(found.claim(ClaimPath(name: member.name)) != nil, "every claim can be found")
    }
    try checkConfirmation(found.confirmation, claims["cnf"])
  }

  /// What is bound is never taken for unbound (RFC 7800 §3.1).
  private static func checkConfirmation(_ found: TokenConfirmation, _ claim: JSONValue?) throws(Violation) {
    try require((found == .unbound) == (claim == nil), "a claims set with cnf is bound")
    let member = claim?.object.flatMap { $0.members.count == 1 ? $0.members.first : nil }
    switch found {
    case .unbound, .unsupported: break
    case .key(let thumbprint):
      try require(thumbprint.count == 32 && member?.name == "jkt", "the key is the one that is named")
      try require(member?.value == .string(Base64URL.text(thumbprint)), "the key is the one that is named")
    case .certificate(let thumbprint):
      try require(thumbprint.count == 32 && member?.name == "x5t#S256", "the certificate is the one that is named")
      try require(member?.value == .string(Base64URL.text(thumbprint)), "the certificate is the one that is named")
    }
  }
}
