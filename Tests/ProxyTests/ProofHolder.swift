import Crypto
import JSON
import Testing
import Tokens

/// A client that holds the key of its tokens.
struct ProofHolder {
  let thumbprint: [UInt8]
  private let key: SigningKey
  private let jwk: JSONValue

  private static let key = Result { try SigningKey.generate(.ellipticCurve(.p256)) }

  init() throws {
    key = try ProofHolder.key.get()
    guard case .ellipticCurve(_, let x, let y) = key.publicKey.material else { throw SigningKeyError.unsupported }
    jwk = .object([
      "kty": .string("EC"), "crv": .string("P-256"), "x": .string(Base64URL.text(x)),
      "y": .string(Base64URL.text(y)),
    ])
    thumbprint = try #require(Base64URL.decode(Thumbprint.of(key.publicKey)))
  }

  /// The claim of a token that is bound to the key.
  var confirmation: String { "\"cnf\":{\"jkt\":\"\(Base64URL.text(thumbprint))\"}" }

  func token(_ members: String = "") throws -> String {
    try Issuer.token(members.isEmpty ? confirmation : "\(confirmation),\(members)")
  }

  /// A proof for `GET http://a.example/R`, changed.
  func proof(
    _ token: String, identifier: String = "one", method: String = "GET", target: String = "http://a.example/R",
    issuedAt: UnixSeconds = Issuer.now, expiresAt: UnixSeconds = Issuer.now + 3600
  ) throws -> String {
    let bytes = Array(token.utf8)
    let claims: JSONObject = [
      "jti": .string(identifier), "htm": .string(method), "htu": .string(target), "iat": .integer(issuedAt),
      "ath": .string(Base64URL.text(try HashFunction.sha256.digest(of: bytes.span))),
      "exp": .integer(expiresAt),
    ]
    let header: JSONObject = ["typ": .string("dpop+jwt"), "alg": .string("ES256"), "jwk": jwk]
    let parts = [header, claims].map { Base64URL.text(JSONValue.object($0).serialized()) }
    let signed = Array(parts.joined(separator: ".").utf8)
    return parts.joined(separator: ".") + "." + Base64URL.text(try key.sign(signed.span, .ecdsa(.sha256)))
  }

  /// A proof that was found good.
  func verified(
    identifier: String, expiresAt: UnixSeconds = Issuer.now + 3600, leewaySeconds: Int64 = 30
  ) throws -> DPoPProof {
    let token = Array("token".utf8)
    let proof = Array(try proof("token", identifier: identifier, expiresAt: expiresAt).utf8)
    let request = DPoPRequest(
      method: Array("GET".utf8), scheme: .http, host: Array("a.example".utf8), port: nil, path: Array("/R".utf8))
    return try DPoPProof(
      verifying: proof.span, for: request, token: token.span, boundTo: thumbprint, now: Issuer.now,
      leewaySeconds: leewaySeconds, using: SignatureVerifier())
  }
}
