public import Crypto
internal import JSON

/// A key that verifies a provider's tokens (RFC 7517 §4).
public struct VerificationKey: Sendable {
  /// `kid`; nil: the key has no name.
  public let keyID: String?
  /// `alg`: the only algorithm that the key is for; nil: any that fits it.
  public let algorithm: SignatureAlgorithm?
  /// The public key; of HS* algorithms, the shared secret.
  public let key: PublicKey

  /// Whether the key may verify a signature of `algorithm` (RFC 8725 §3.1).
  func allows(_ algorithm: SignatureAlgorithm) -> Bool {
    (self.algorithm == nil || self.algorithm == algorithm) && key.fits(algorithm.scheme)
  }
}

/// Why a key of a set is not used. The set's other keys are.
public enum UnusedKey: Error, Sendable, Equatable {
  /// The member has the wrong type, is missing, or is no canonical base64url.
  case memberInvalid(String)
  /// A type, curve or algorithm that is not for signatures, or is not known here.
  case unsupported(String)
  /// A shared secret, which has no place in a published set.
  case secret
  /// A private key: whoever can read the set could sign.
  case privateMembers
  /// `use` is not `sig`, or `key_ops` lacks `verify`.
  case notForSignatures
  /// The key's `alg` does not fit its type, curve or size.
  case algorithmMismatch
  /// Another key has the same `kid`: which is meant is anyone's guess.
  case keyIDRepeated
  /// The numbers of the key are not accepted.
  case material(PublicKeyError)
}

extension UnusedKey: CustomStringConvertible {
  /// In words, for a log; no key material is among them.
  public var description: String {
    switch self {
    case .memberInvalid(let name): "\"\(name)\" is missing or malformed"
    case .unsupported(let what): "\(JSONValue.excerpt(what)) is not supported"
    case .secret: "a shared secret does not belong in a key set"
    case .privateMembers: "a private key does not belong in a key set"
    case .notForSignatures: "\"use\" or \"key_ops\" says that it is not for signatures"
    case .algorithmMismatch: "its \"alg\" does not fit it"
    case .keyIDRepeated: "another key has the same \"kid\""
    case .material(let error): error.description
    }
  }
}

extension VerificationKey {
  /// Reads a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
  init(_ members: JSONObject) throws(UnusedKey) {
    keyID = try VerificationKey.keyID(members)
    guard let type = members["kty"]?.string else { throw .memberInvalid("kty") }
    if type.isSameBytes(as: "oct") || members["k"] != nil { throw .secret }
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] where members[name] != nil { throw .privateMembers }
    try VerificationKey.checkUse(members)
    algorithm = try VerificationKey.algorithm(members)
    do throws(PublicKeyError) {
      switch type {
      case "RSA":
        key = try PublicKey(modulus: members.bytes("n"), exponent: members.bytes("e"))
      case "EC":
        guard let curve = VerificationKey.curves[members["crv"]?.string ?? ""] else {
          throw PublicKeyError.unusable
        }
        key = try PublicKey(curve: curve, x: members.bytes("x"), y: members.bytes("y"))
      case "OKP":
        guard members["crv"]?.string == "Ed25519" else { throw PublicKeyError.unusable }
        key = try PublicKey(ed25519: members.bytes("x"))
      default:
        throw PublicKeyError.unusable
      }
    } catch {
      throw VerificationKey.fault(error, type: type, members)
    }
    if let algorithm, !key.fits(algorithm.scheme) { throw .algorithmMismatch }
  }

  private static let curves: [String: EllipticCurve] = ["P-256": .p256, "P-384": .p384, "P-521": .p521]

  private static func fault(_ error: PublicKeyError, type: String, _ members: JSONObject) -> UnusedKey {
    guard error == .unusable else { return .material(error) }
    switch type {
    case "RSA": return .material(error)
    case "EC", "OKP": return .unsupported("the curve \(members["crv"]?.string ?? "without a name")")
    default: return .unsupported("the key type \(type)")
    }
  }

  private static func keyID(_ members: JSONObject) throws(UnusedKey) -> String? {
    guard let value = members["kid"] else { return nil }
    guard let text = value.string, text.utf8.count <= JOSEHeader.keyIDBytesMax else { throw .memberInvalid("kid") }
    return text
  }

  private static func checkUse(_ members: JSONObject) throws(UnusedKey) {
    if let use = members["use"] {
      guard use.string == "sig" else { throw .notForSignatures }
    }
    if let operations = members["key_ops"] {
      guard let list = operations.array else { throw .memberInvalid("key_ops") }
      guard list.contains(.string("verify")) else { throw .notForSignatures }
    }
  }

  private static func algorithm(_ members: JSONObject) throws(UnusedKey) -> SignatureAlgorithm? {
    guard let value = members["alg"] else { return nil }
    guard let name = value.string else { throw .memberInvalid("alg") }
    guard let algorithm = SignatureAlgorithm(name: name) else { throw .unsupported("the algorithm \(name)") }
    guard !algorithm.isSymmetric else { throw .algorithmMismatch }
    return algorithm
  }
}

extension JSONObject {
  /// The number or point that the member holds; empty where it holds none, which no key accepts.
  fileprivate func bytes(_ name: String) -> [UInt8] {
    self[name]?.string.flatMap { Base64URL.decode($0) } ?? []
  }
}
