import Crypto
import JSON
import Testing
import Tokens

/// A client with a key, its token, and the proofs that it makes: honest ones, changed as a test says.
struct ProofMaker {
  static let token = Array("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU".utf8)
  static let request = DPoPRequest(
    method: Array("GET".utf8), scheme: .http, host: Array("api.example".utf8), port: nil, path: Array("/orders".utf8))

  let key: SigningKey
  var algorithm = SignatureAlgorithm.es256
  /// Members of the header and of the claims that are changed; nil: left out.
  var header: [String: JSONValue?] = [:]
  var claims: [String: JSONValue?] = [:]

  static let shared = Result { try SigningKey.generate(.ellipticCurve(.p256)) }

  init() throws { key = try ProofMaker.shared.get() }

  init(_ key: SigningKey, _ algorithm: SignatureAlgorithm) {
    self.key = key
    self.algorithm = algorithm
  }

  func with(header: [String: JSONValue?] = [:], claims: [String: JSONValue?] = [:]) -> ProofMaker {
    var copy = self
    copy.header.merge(header) { $1 }
    copy.claims.merge(claims) { $1 }
    return copy
  }

  static func hash(_ token: [UInt8]) -> JSONValue {
    .string(Base64URL.text((try? HashFunction.sha256.digest(of: token.span)) ?? []))
  }

  var headerObject: JSONValue {
    ProofMaker.object(
      [("typ", "dpop+jwt"), ("alg", .string(algorithm.rawValue)), ("jwk", key.publicKey.jwk())], header)
  }

  var claimsObject: JSONValue {
    ProofMaker.object(
      [
        ("jti", "e1j3V_bKic8-LAEB"), ("htm", "GET"), ("htu", "https://api.example/orders"),
        ("iat", .integer(Issuer.now)), ("ath", ProofMaker.hash(ProofMaker.token)),
      ], claims)
  }

  func proof() throws -> [UInt8] { try proof(header: headerObject.serialized(), payload: claimsObject.serialized()) }

  func proof(header: [UInt8], payload: [UInt8]) throws -> [UInt8] {
    let signed = Base64URL.encode(header.span) + [UInt8(ascii: ".")] + Base64URL.encode(payload.span)
    let signature = try key.sign(signed.span, algorithm.scheme)
    return signed + [UInt8(ascii: ".")] + Base64URL.encode(signature.span)
  }

  private static func object(_ honest: [(String, JSONValue)], _ changes: [String: JSONValue?]) -> JSONValue {
    var members = honest.map { JSONObject.Member(name: $0.0, value: $0.1) }
    for (name, value) in changes {
      members.removeAll { $0.name == name }
      if let value { members.append(JSONObject.Member(name: name, value: value)) }
    }
    return JSONObject(members).map { .object($0) } ?? .null
  }
}

/// What a resource server of the tests expects of a proof.
struct ProofCheck {
  var request = ProofMaker.request
  var token = ProofMaker.token
  var now: UnixSeconds = Issuer.now
  var leewaySeconds: Int64 = 0
  var fieldLines = 1
  /// nil: of the maker's key.
  var thumbprint: [UInt8]?

  func callAsFunction(_ proof: [UInt8], boundTo key: PublicKey) throws -> Result<DPoPProof, DPoPProofError> {
    let bound = try thumbprint ?? #require(Base64URL.decode(Thumbprint.of(key)))
    do throws(DPoPProofError) {
      return .success(
        try DPoPProof(
          verifying: proof.span, fieldLines: fieldLines, for: request, token: token.span, boundTo: bound, now: now,
          leewaySeconds: leewaySeconds, using: SignatureVerifier()))
    } catch {
      return .failure(error)
    }
  }

  /// Why the maker's proof is refused; nil: it is not.
  func fault(_ maker: ProofMaker) throws -> DPoPProofError? { try fault(maker.proof(), boundTo: maker.key.publicKey) }

  func fault(_ proof: [UInt8], boundTo key: PublicKey) throws -> DPoPProofError? {
    guard case .failure(let error) = try self(proof, boundTo: key) else { return nil }
    return error
  }
}
