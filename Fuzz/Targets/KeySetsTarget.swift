import Crypto
import JSON
import Tokens

/// SECURITY K-6, T-10: what a published key set gives is public, sound and named once.
enum KeySetsTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let elements = ReferenceJSON.read(input)?.object?["keys"]?.array
    let set: KeySet
    do throws(KeySetError) {
      set = try KeySet.parse(jwks: input)
    } catch {
      try require(!error.description.isEmpty, "an error says something")
      return .refused
    }
    guard let elements else { throw Violation("only a JSON object with an array of keys is a key set") }
    try require(elements.count <= KeySet.keysMax, "no more keys than are allowed")
    try require(!set.keys.isEmpty && !set.isSecret, "a published set has a key, and is no secret")
    try require(set.keys.count + set.problems.count == elements.count, "each element is a key or a problem")
    for problem in set.problems { try require(!problem.description.isEmpty, "a problem says something") }

    let unused = Set(set.problems.map(\.index))
    let used = elements.indices.filter { !unused.contains($0) }
    try require(used.count == set.keys.count, "a problem belongs to one element")
    var names: Set<[UInt8]> = []
    for (key, place) in zip(set.keys, used) {
      guard let members = elements[place].object else { throw Violation("a key is an object") }
      try check(key, members)
      let isNamedOnce = key.keyID.map { names.insert(Array($0.utf8)).inserted } ?? true
      try require(isNamedOnce, "a key identifier stands once")
    }
    try checkSecondReading(input, set)
    return .accepted
  }

  private static func check(_ key: VerificationKey, _ members: JSONObject) throws(Violation) {
    for name in ["k", "d", "p", "q", "dp", "dq", "qi", "oth"] {
      try require(members[name] == nil, "a key with private or secret members is not used")
    }
    try require(members["use"].map { $0 == .string("sig") } ?? true, "a key for encryption is not used")
    try require(
      members["key_ops"].map { $0.array?.contains(.string("verify")) ?? false } ?? true,
      "a key that may not verify is not used")
    try require(members["kid"] == key.keyID.map { .string($0) }, "the identifier is the element's")
    try require(members["alg"] == key.algorithm.map { .string($0.rawValue) }, "the algorithm is the element's")
    if let algorithm = key.algorithm {
      try require(!algorithm.isSymmetric && key.key.fits(algorithm.scheme), "a key fits its algorithm")
    }
    switch key.key.material {
    case .secret: throw Violation("a secret is no public key")
    case .rsa(let modulus, let exponent):
      try require(members["kty"] == .string("RSA"), "the type is the element's")
      try require((256...1024).contains(modulus.count) && exponent.count <= 5, "the size of an RSA key is bounded")
      try require(modulus.last.map { $0 & 1 } == 1 && exponent.last.map { $0 & 1 } == 1, "RSA numbers are odd")
    case .ellipticCurve(let curve, let x, let y):
      try require(members["kty"] == .string("EC"), "the type is the element's")
      try require(
        x.count == curve.coordinateBytes && y.count == curve.coordinateBytes, "coordinates have full length")
    case .ed25519(let point):
      try require(members["kty"] == .string("OKP") && point.count == 32, "an Ed25519 key has 32 bytes")
    }
    guard let thumbprint = try? Thumbprint.of(key.key) else { throw Violation("every key has a thumbprint") }
    try require(Base64URL.decode(thumbprint)?.count == 32, "a thumbprint is a SHA-256 digest")
  }

  private static func checkSecondReading(_ input: Span<UInt8>, _ set: KeySet) throws(Violation) {
    guard let again = try? KeySet.parse(jwks: input) else { throw Violation("a key set is accepted each time") }
    try require(again.problems == set.problems && again.keys.count == set.keys.count, "a set is read alike each time")
    for (first, second) in zip(set.keys, again.keys) {
      try require(
        first.keyID == second.keyID && first.algorithm == second.algorithm
          && first.key.material == second.key.material && first.key.bits == second.key.bits,
        "a key is read alike each time")
    }
  }
}
