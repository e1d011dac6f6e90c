public import Crypto
internal import JSON

/// A key of the gateway's own that signs tokens, and its name in them: a private key, whose public half is published
/// under that name, or a secret that others share.
public struct IssuerKey: Sendable {
  /// The thumbprint of its public half (RFC 7638); of a secret, a code that it makes.
  public let keyID: String
  /// The algorithm that it signs with, which its JWK names in `alg` (RFC 7517 §4.4).
  public let algorithm: SignatureAlgorithm
  /// The private key, or the secret.
  public let key: SigningKey

  /// - Throws: Where the key does not fit the algorithm, or has no published form.
  public init(_ key: SigningKey, algorithm: SignatureAlgorithm) throws(SigningKeyError) {
    guard key.publicKey.fits(algorithm.scheme) else { throw .unsupported }
    keyID = try IssuerKey.name(of: key.publicKey)
    self.key = key
    self.algorithm = algorithm
  }

  /// A thumbprint of a secret would be its hash, for all to see. A code over a text that no token begins with says no
  /// more of it than each token does.
  private static func name(of key: PublicKey) throws(SigningKeyError) -> String {
    guard case .secret(let secret) = key.material else { return try Thumbprint.of(key) }
    let text = [UInt8]("portcullis kid".utf8)
    do throws(CryptoError) {
      let code = try MessageAuthentication.code(for: text.span, secret: secret.span, .sha256)
      return Base64URL.text(Array(code.prefix(16)))
    } catch {
      throw .failed("HMAC")
    }
  }

  /// The public half as a JWK (RFC 7517 §4): no private member is ever in it.
  var publicMembers: [JSONObject.Member] {
    Thumbprint.members(key.publicKey) + [
      JSONObject.Member(name: "kid", value: .string(keyID)),
      JSONObject.Member(name: "use", value: .string("sig")),
      JSONObject.Member(name: "alg", value: .string(algorithm.rawValue)),
    ]
  }

  /// The public halves as a JWK Set (RFC 7517 §5). A secret has none.
  public static func published(_ keys: [IssuerKey]) -> [UInt8] {
    let list = keys.filter { !$0.algorithm.isSymmetric }.compactMap {
      JSONObject($0.publicMembers).map { JSONValue.object($0) }
    }
    return JSONValue.object(["keys": .array(list)]).serialized()
  }
}
