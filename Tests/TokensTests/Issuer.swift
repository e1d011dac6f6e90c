import Crypto
public import JSON
import Tokens

/// An issuer of the tests: one key of every algorithm, named after it in lower case.
struct Issuer: Sendable {
  static let shared = Result { try Issuer() }
  static let now: UnixSeconds = 1_750_000_000
  static let name = "https://idp.example"
  static let secret: [UInt8] = (0..<64).map { $0 &* 7 &+ 1 }

  private let keys: [SignatureAlgorithm: SigningKey]
  /// All public halves, as the issuer publishes them.
  let keySet: KeySet
  let secretKeySet: KeySet

  private init() throws {
    // One RSA key under six names: RFC 7517 §4.4 binds a name to an algorithm, not a modulus.
    let rsa = try SigningKey.generate(.rsa(bits: 2048))
    var keys: [SignatureAlgorithm: SigningKey] = [:]
    for algorithm in SignatureAlgorithm.allCases where !algorithm.isSymmetric { keys[algorithm] = rsa }
    keys[.es256] = try SigningKey.generate(.ellipticCurve(.p256))
    keys[.es384] = try SigningKey.generate(.ellipticCurve(.p384))
    keys[.es512] = try SigningKey.generate(.ellipticCurve(.p521))
    keys[.eddsa] = try SigningKey.generate(.ed25519)
    self.keys = keys
    let all = SignatureAlgorithm.allCases.compactMap { algorithm in
      keys[algorithm].map { $0.publicKey.jwk(["kid": .string(algorithm.keyID), "alg": .string(algorithm.rawValue)]) }
    }
    keySet = try KeySet.parse(keys: all)
    secretKeySet = try KeySet.secret(Issuer.secret)
  }

  func publicKey(_ algorithm: SignatureAlgorithm) -> PublicKey? { keys[algorithm]?.publicKey }

  /// A token of any header and payload, text or not, signed with the algorithm's key, whatever the header says.
  func sign(header: [UInt8], payload: [UInt8], with algorithm: SignatureAlgorithm) throws -> [UInt8] {
    let signed = Base64URL.encode(header.span) + [UInt8(ascii: ".")] + Base64URL.encode(payload.span)
    let signature = try signature(of: signed, algorithm)
    return signed + [UInt8(ascii: ".")] + Base64URL.encode(signature.span)
  }

  func sign(
    header: String, payload: String = Issuer.claims, with algorithm: SignatureAlgorithm = .es256
  ) throws -> [UInt8] {
    try sign(header: Array(header.utf8), payload: Array(payload.utf8), with: algorithm)
  }

  /// An honest token.
  func token(_ algorithm: SignatureAlgorithm = .es256, payload: String = Issuer.claims) throws -> [UInt8] {
    try sign(header: algorithm.header, payload: payload, with: algorithm)
  }

  func signature(of message: [UInt8], _ algorithm: SignatureAlgorithm) throws -> [UInt8] {
    if case .hmac(let hash) = algorithm.scheme {
      return try MessageAuthentication.code(for: message.span, secret: Issuer.secret.span, hash)
    }
    guard let key = keys[algorithm] else { throw SigningKeyError.unsupported }
    return try key.sign(message.span, algorithm.scheme)
  }

  /// Claims that pass; `more` begins with a comma.
  static func claims(_ more: String = "") -> String {
    #"{"iss":"https://idp.example","aud":"api","sub":"alice","exp":1750000600\#(more)}"#
  }

  static let claims = Issuer.claims()
}

extension SignatureAlgorithm {
  var keyID: String { rawValue.lowercased() }
  var header: String { #"{"alg":"\#(rawValue)","typ":"JWT","kid":"\#(keyID)"}"# }
}

extension PublicKey {
  /// The key as a JWK, with more members.
  func jwk(_ more: KeyValuePairs<String, JSONValue> = [:]) -> JSONValue {
    var members: [JSONObject.Member] = []
    func add(_ name: String, _ value: JSONValue) { members.append(JSONObject.Member(name: name, value: value)) }
    switch material {
    case .rsa(let modulus, let exponent):
      add("kty", "RSA")
      add("n", .string(Base64URL.text(modulus)))
      add("e", .string(Base64URL.text(exponent)))
    case .ellipticCurve(let curve, let x, let y):
      add("kty", "EC")
      add("crv", .string([.p256: "P-256", .p384: "P-384", .p521: "P-521"][curve] ?? ""))
      add("x", .string(Base64URL.text(x)))
      add("y", .string(Base64URL.text(y)))
    case .ed25519(let point):
      add("kty", "OKP")
      add("crv", "Ed25519")
      add("x", .string(Base64URL.text(point)))
    case .secret(let secret):
      add("kty", "oct")
      add("k", .string(Base64URL.text(secret)))
    }
    for (name, value) in more {
      members.removeAll { $0.name == name }
      add(name, value)
    }
    return JSONObject(members).map { .object($0) } ?? .null
  }
}

extension JSONValue: ExpressibleByStringLiteral {
  /// A string of JSON.
  public init(stringLiteral value: String) { self = .string(value) }
}

extension KeySet {
  /// Reads a set of these keys.
  static func parse(keys: [JSONValue]) throws(KeySetError) -> KeySet {
    let text = JSONValue.object(["keys": .array(keys)]).serialized()
    return try KeySet.parse(jwks: text.span)
  }
}

/// What a verifier of the tests wants, and what it says of a token.
struct Check {
  var audiences: Audiences = .oneOf(["api"])
  var algorithms: [SignatureAlgorithm]?
  var leewaySeconds: Int64 = 0
  var ageMaxSeconds: Int64?
  var type: String?
  var requiredClaims: [ClaimPath] = []
  var tokenBytesMax = 8192
  var now: UnixSeconds = Issuer.now
  var claims = ClaimMapping()

  private var verifier: TokenVerifier {
    let policy = TokenPolicy(
      provider: "idp", issuer: Issuer.name, audiences: audiences, algorithms: algorithms,
      leewaySeconds: leewaySeconds, ageMaxSeconds: ageMaxSeconds, type: type, requiredClaims: requiredClaims,
      tokenBytesMax: tokenBytesMax, claims: claims)
    return TokenVerifier(policy)
  }

  func callAsFunction(_ token: [UInt8], _ keys: KeySet?) -> Result<VerifiedToken, TokenError> {
    do throws(TokenError) {
      return .success(try verifier.verify(token.span, keys: keys, now: now, using: SignatureVerifier()))
    } catch {
      return .failure(error)
    }
  }

  /// What a token states that was just signed with `key`.
  func issued(_ token: [UInt8], by key: IssuerKey) -> Result<ClaimsSet, TokenError> {
    do throws(TokenError) { return .success(try verifier.checkIssued(token.span, by: key, now: now)) } catch {
      return .failure(error)
    }
  }

  /// Why the token is refused; nil: it is not.
  func fault(_ token: [UInt8], _ keys: KeySet?) -> TokenError.Fault? {
    guard case .failure(let error) = self(token, keys) else { return nil }
    return error.fault
  }
}
