public import Crypto
internal import JSON

/// Names for keys that nobody has to invent (RFC 7638).
public enum Thumbprint {
  /// The SHA-256 thumbprint, in base64url.
  ///
  /// - Throws: `unsupported` for a secret; `failed` if OpenSSL fails.
  public static func of(_ key: PublicKey) throws(SigningKeyError) -> String {
    let found: [UInt8]?
    do throws(CryptoError) {
      found = if let jwk = JSONObject(members(key)) { try digest(of: jwk) } else { nil }
    } catch {
      switch error {
      case .failed(let function): throw .failed(function)
      }
    }
    guard let found else { throw .unsupported }
    return Base64URL.text(found)
  }

  /// The SHA-256 thumbprint of a JWK as it is written (RFC 7638 §3); nil where a member is missing, or no public key has
  /// such a type.
  static func digest(of jwk: JSONObject) throws(CryptoError) -> [UInt8]? {
    let names: [String]
    switch jwk["kty"]?.string {
    case "RSA": names = ["e", "kty", "n"]
    case "EC": names = ["crv", "kty", "x", "y"]
    case "OKP": names = ["crv", "kty", "x"]
    default: return nil
    }
    var members: [JSONObject.Member] = []
    for name in names {
      guard let text = jwk[name]?.string else { return nil }
      members.append(JSONObject.Member(name: name, value: .string(text)))
    }
    guard let object = JSONObject(members) else { return nil }
    return try HashFunction.sha256.digest(of: JSONValue.object(object).serialized().span)
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
