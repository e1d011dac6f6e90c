public import Crypto
internal import JSON

/// A private key of the gateway's own, with the name under which its public half is published.
public struct IssuerKey: Sendable {
  /// The thumbprint of its public half (RFC 7638).
  public let keyID: String
  public let algorithm: SignatureAlgorithm
  public let key: SigningKey

  /// - Throws: Where the key does not fit the algorithm, or has no published form.
  public init(_ key: SigningKey, algorithm: SignatureAlgorithm) throws(SigningKeyError) {
    guard key.publicKey.fits(algorithm.scheme) else { throw .unsupported }
    keyID = try Thumbprint.of(key.publicKey)
    self.key = key
    self.algorithm = algorithm
  }

  /// The public half as a JWK (RFC 7517 §4): no private member is ever in it.
  var publicMembers: [JSONObject.Member] {
    Thumbprint.members(key.publicKey) + [
      JSONObject.Member(name: "kid", value: .string(keyID)),
      JSONObject.Member(name: "use", value: .string("sig")),
      JSONObject.Member(name: "alg", value: .string(algorithm.rawValue)),
    ]
  }

  /// The public halves as a JWK Set (RFC 7517 §5).
  public static func published(_ keys: [IssuerKey]) -> [UInt8] {
    let list = keys.compactMap { JSONObject($0.publicMembers).map { JSONValue.object($0) } }
    return JSONValue.object(["keys": .array(list)]).serialized()
  }
}

/// Names for keys that nobody has to invent (RFC 7638).
public enum Thumbprint {
  /// The SHA-256 thumbprint, in base64url.
  public static func of(_ key: PublicKey) throws(SigningKeyError) -> String {
    guard let object = JSONObject(members(key)), !object.members.isEmpty else { throw .unsupported }
    do throws(CryptoError) {
      return Base64URL.text(try HashFunction.sha256.digest(of: JSONValue.object(object).serialized().span))
    } catch {
      throw .failed("EVP_Digest")
    }
  }

  /// The members that RFC 7638 §3.2 names, in the order of their names; none for a secret.
  static func members(_ key: PublicKey) -> [JSONObject.Member] {
    let texts: [(String, String)] =
      switch key.material {
      case .rsa(let modulus, let exponent):
        [("e", Base64URL.text(exponent)), ("kty", "RSA"), ("n", Base64URL.text(modulus))]
      case .ellipticCurve(let curve, let x, let y):
        [("crv", name(curve)), ("kty", "EC"), ("x", Base64URL.text(x)), ("y", Base64URL.text(y))]
      case .ed25519(let point):
        [("crv", "Ed25519"), ("kty", "OKP"), ("x", Base64URL.text(point))]
      case .secret:
        []
      }
    return texts.map { JSONObject.Member(name: $0.0, value: .string($0.1)) }
  }

  private static func name(_ curve: EllipticCurve) -> String {
    switch curve {
    case .p256: "P-256"
    case .p384: "P-384"
    case .p521: "P-521"
    }
  }
}
