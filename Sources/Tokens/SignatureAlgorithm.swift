public import Crypto

/// A value of a JOSE header's `alg` that is known here (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not one of them.
public enum SignatureAlgorithm: String, CaseIterable, Sendable {
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"
  case es256 = "ES256"
  case es384 = "ES384"
  case es512 = "ES512"
  case eddsa = "EdDSA"
  case hs256 = "HS256"
  case hs384 = "HS384"
  case hs512 = "HS512"

  /// All names that `alg` may have. `Ed25519` (RFC 9864 §2.2) is `EdDSA` with the one curve that is taken here.
  public static let names = allCases.map { (name: $0.rawValue, algorithm: $0) } + [("Ed25519", .eddsa)]

  /// The algorithm that `alg` names; nil where it is none that is known, and for `none`.
  public init?(name: String) {
    guard let known = SignatureAlgorithm.names.first(where: { $0.name.isSameBytes(as: name) }) else { return nil }
    self = known.algorithm
  }

  /// Whether whoever verifies could sign too.
  public var isSymmetric: Bool {
    switch self {
    case .hs256, .hs384, .hs512: true
    default: false
    }
  }

  /// How its signatures are checked.
  public var scheme: SignatureScheme {
    switch self {
    case .rs256: .rsaPKCS1(.sha256)
    case .rs384: .rsaPKCS1(.sha384)
    case .rs512: .rsaPKCS1(.sha512)
    case .ps256: .rsaPSS(.sha256)
    case .ps384: .rsaPSS(.sha384)
    case .ps512: .rsaPSS(.sha512)
    case .es256: .ecdsa(.sha256)
    case .es384: .ecdsa(.sha384)
    case .es512: .ecdsa(.sha512)
    case .eddsa: .ed25519
    case .hs256: .hmac(.sha256)
    case .hs384: .hmac(.sha384)
    case .hs512: .hmac(.sha512)
    }
  }

  /// The kind of key that signs with it; nil for HS*, whose secrets are not made here.
  public var keyKind: SigningKey.Kind? {
    switch self {
    case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa(bits: 3072)
    case .es256: .ellipticCurve(.p256)
    case .es384: .ellipticCurve(.p384)
    case .es512: .ellipticCurve(.p521)
    case .eddsa: .ed25519
    case .hs256, .hs384, .hs512: nil
    }
  }
}
