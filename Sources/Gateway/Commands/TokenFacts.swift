import Configuration
import Crypto
import JSON
import Tokens

/// What a token holds and what a policy wants, in words. Texts of the token are quoted: they may be made to be shown on a
/// terminal.
struct TokenFacts {
  private let policy: TokenPolicy
  private let keys: KeySet?
  private let verdict: TokenExplanation.Verdict
  private let now: UnixSeconds
  private let bytes: Int
  private let parts: Int
  /// Whether every part is canonical base64url.
  private let isEncoded: Bool
  private let header: JSONObject?
  private let claims: JSONObject?

  init(
    _ token: [UInt8], _ policy: TokenPolicy, _ keys: KeySet?, _ verdict: TokenExplanation.Verdict, now: UnixSeconds
  ) {
    self.policy = policy
    self.keys = keys
    self.verdict = verdict
    self.now = now
    bytes = token.count
    let texts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    parts = texts.count
    isEncoded = texts.allSatisfy { Base64URL.decode(Array($0).span) != nil }
    header = TokenFacts.object(texts.first)
    claims = texts.count == 3 ? TokenFacts.object(texts[1]) : nil
  }

  private static func object(_ text: ArraySlice<UInt8>?) -> JSONObject? {
    guard let text, let bytes = Base64URL.decode(Array(text).span) else { return nil }
    return try? JSON.parse(bytes.span).object
  }

  func expected(_ step: TokenExplanation.Step) -> String {
    switch step {
    case .size: "at most \(policy.tokenBytesMax) bytes"
    case .form: "three parts of canonical base64url"
    case .header: "a strict JSON object with alg"
    case .extensions: "none of crit, b64, cty, zip"
    case .type: policy.type ?? "JWT, at+jwt or nothing"
    case .algorithm: expectedAlgorithms
    case .keys: "keys of the provider"
    case .key: "a key of that kid that is for the algorithm"
    case .signature: "one that holds"
    case .claims: "a strict JSON object"
    case .issuer: policy.issuer.isEmpty ? "any" : JSONValue.quoted(policy.issuer)
    case .audience: expectedAudiences
    case .expiry: "a time after \(TimeText.text(now)), with \(policy.leewaySeconds) s of leeway"
    case .notBefore, .issuedAt: "no time after \(TimeText.text(now)), with \(policy.leewaySeconds) s of leeway"
    case .age: "iat at most \(policy.ageMaxSeconds ?? 0) s ago, with \(policy.leewaySeconds) s of leeway"
    case .subject, .tokenID: "a string, where it is there"
    case .required: "any value but null"
    case .revocation(let places): "no entry of it in \(places)"
    case .confirmation(.off): "nothing: the provider has dpop: off"
    case .confirmation(.allowed): "nothing, or a key (jkt)"
    case .confirmation(.required): "a key (jkt)"
    }
  }

  /// nil: nothing, or what must not be shown.
  func found(_ step: TokenExplanation.Step) -> String? {
    switch step {
    case .size: "\(bytes)"
    case .form: foundForm
    case .header: header.map { names($0) } ?? "none"
    case .extensions: header.map { names($0, among: ["crit", "b64", "cty", "zip"]) }
    case .type: header.map { text($0["typ"]) }
    case .algorithm: header.map { text($0["alg"]) }
    case .keys: keys.map { "\($0.keys.count)" } ?? "none"
    case .key: foundKey
    case .signature: nil
    case .claims: claims.map { names($0) } ?? "none"
    case .issuer: claims.map { text($0["iss"]) }
    case .audience: claims.map { text($0["aud"]) }
    case .expiry: claims.map { time($0["exp"]) }
    case .notBefore: claims.map { time($0["nbf"]) }
    case .issuedAt, .age: claims.map { time($0["iat"]) }
    case .subject: claims.map { text($0["sub"]) }
    case .tokenID: claims.map { text($0["jti"]) }
    case .required(let path): claims.map { text(value(at: path, in: $0)) }
    case .confirmation: claims.map { text($0["cnf"]) }
    case .revocation: if case .revoked(let kind) = verdict { "its \(kind.name)" } else { "none" }
    }
  }

  private var expectedAlgorithms: String {
    if let algorithms = policy.algorithms { return algorithms.map(\.rawValue).joined(separator: ", ") }
    return keys?.isSecret == true ? "HS256, HS384 or HS512" : "one that the keys are for"
  }

  private var expectedAudiences: String {
    switch policy.audiences {
    case .any: "any, or nothing"
    case .oneOf(let audiences): audiences.map { JSONValue.quoted($0) }.joined(separator: " or ")
    }
  }

  private var foundForm: String {
    let count = "\(parts) \(parts == 1 ? "part" : "parts")"
    return parts == 3 && !isEncoded ? "\(count), not all of them base64url" : count
  }

  private var foundKey: String? {
    guard let header, let keys else { return nil }
    guard let keyID = header["kid"]?.string else { return "no kid: at most four keys that fit are tried" }
    let key = keys.keys.first { $0.keyID?.isSameBytes(as: keyID) ?? false }
    return JSONValue.quoted(keyID) + (key.map { ", \($0.summary)" } ?? (keys.isSecret ? "" : ", which no key has"))
  }

  private func names(_ object: JSONObject, among some: [String]? = nil) -> String {
    let names = object.members.map(\.name).filter { some?.contains($0) ?? true }
    return names.isEmpty ? "none" : names.map { JSONValue.quoted($0) }.joined(separator: ", ")
  }

  private func text(_ value: JSONValue?) -> String {
    value.map { String(decoding: $0.serialized(), as: UTF8.self) } ?? "nothing"
  }

  private func time(_ value: JSONValue?) -> String {
    guard case .integer(let seconds)? = value else { return text(value) }
    let (difference, isTooMuch) = seconds.subtractingReportingOverflow(now)
    guard seconds >= 0, !isTooMuch else { return "\(seconds)" }
    return "\(seconds), \(TimeText.text(seconds)), \(difference < 0 ? "\(-difference) s ago" : "in \(difference) s")"
  }

  private func value(at path: ClaimPath, in claims: JSONObject) -> JSONValue? {
    var object: JSONObject? = claims
    var found: JSONValue?
    for name in path.names {
      found = object?[name]
      object = found?.object
    }
    return found
  }
}

extension VerificationKey {
  /// Type, size and algorithm.
  var summary: String { "\(typeName) of \(key.bits) bits" + (algorithm.map { " for \($0.rawValue)" } ?? "") }

  /// As `kty` and `crv` say it (RFC 7518 §6.1, RFC 8037 §2).
  var typeName: String {
    switch key.material {
    case .rsa: "RSA"
    case .ellipticCurve(.p256, _, _): "EC P-256"
    case .ellipticCurve(.p384, _, _): "EC P-384"
    case .ellipticCurve(.p521, _, _): "EC P-521"
    case .ed25519: "OKP Ed25519"
    case .secret: "oct"
    }
  }
}
