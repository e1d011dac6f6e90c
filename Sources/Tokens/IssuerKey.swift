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
