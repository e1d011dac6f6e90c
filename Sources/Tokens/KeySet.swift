internal import Crypto
internal import JSON

/// Why a text is no key set.
public enum KeySetError: Error, Sendable, Equatable {
  /// No strict JSON object with an array `keys` (RFC 7517 §5).
  case malformed
  /// More keys than `KeySet.keysMax`.
  case tooManyKeys(Int)
  /// No key that can be used; why, for each.
  case noUsableKeys([KeySet.Problem])
}

extension KeySetError: CustomStringConvertible {
  /// In words, for a log. No more than `KeySet.problemsNamedMax` problems are said one by one.
  public var description: String {
    switch self {
    case .malformed: "no key set: a JSON object with an array \"keys\" is needed"
    case .tooManyKeys(let count): "\(count) keys; at most \(KeySet.keysMax) are accepted"
    case .noUsableKeys(let problems):
      problems.isEmpty
        ? "the key set is empty"
        : "no usable key: " + problems.named.map(\.description).joined(separator: "; ")
          + (problems.unnamedCount > 0 ? "; and \(problems.unnamedCount) more" : "")
    }
  }
}

/// The keys of one provider at one time.
public struct KeySet: Sendable {
  /// SECURITY K-2.
  public static let keysMax = 100

  /// As many problems are said one by one, and of the others how many they are.
  public static let problemsNamedMax = 5

  /// A key that is not used, and why.
  public struct Problem: Sendable, Equatable, CustomStringConvertible {
    /// Where it stands in the set, from 0.
    public let index: Int
    /// The key's `kid`, as the issuer wrote it: to be quoted before it is shown. nil if it has none.
    public let keyID: String?
    /// Why the key is not used.
    public let cause: UnusedKey

    /// In words, for a log: names the key by its `kid`, or else by its number in the set, from 1.
    public var description: String {
      "key \(keyID.map { JSONValue.quotedExcerpt($0) } ?? "number \(index + 1)"): \(cause)"
    }

    /// Whether both are said in the same words, as of two keys with one `kid`.
    fileprivate func isSaid(as other: Problem) -> Bool {
      guard let keyID, let otherID = other.keyID else { return self == other }
      return keyID.isSameBytes(as: otherID) && cause == other.cause
    }
  }

  /// The keys that can be used, in the order of the set.
  public let keys: [VerificationKey]
  /// Keys that were left out.
  public let problems: [Problem]
  /// Whether it is shared secrets, for HS* and nothing else (RFC 8725 §3.1).
  public let isSecret: Bool

  private init(keys: [VerificationKey], problems: [Problem], isSecret: Bool) {
    self.keys = keys
    self.problems = problems
    self.isSecret = isSecret
  }

  /// Reads a JWK Set (RFC 7517 §5). Keys that cannot be used are left out (SECURITY K-6).
  public static func parse(jwks text: Span<UInt8>) throws(KeySetError) -> KeySet {
    guard let set = try? JSON.parse(text).object, let elements = set["keys"]?.array else { throw .malformed }
    guard elements.count <= keysMax else { throw .tooManyKeys(elements.count) }
    let repeated = repeatedKeyIDs(elements)
    var keys: [VerificationKey] = []
    var problems: [Problem] = []
    for (index, element) in elements.enumerated() {
      let keyID = element.object?["kid"]?.string
      do throws(UnusedKey) {
        guard let members = element.object else { throw .memberInvalid("keys") }
        let key = try VerificationKey(members)
        if let keyID, repeated.contains(Array(keyID.utf8)) { throw .keyIDRepeated }
        keys.append(key)
      } catch {
        problems.append(Problem(index: index, keyID: keyID, cause: error))
      }
    }
    guard !keys.isEmpty else { throw .noUsableKeys(problems) }
    return KeySet(keys: keys, problems: problems, isSecret: false)
  }

  /// A shared secret, for HS256 and, where it is long enough, HS384 and HS512.
  ///
  /// - Throws: Where it is too short, or holds a public key in PEM, DER, a JWK or OpenSSH's form: whoever knows that
  ///   could sign (SECURITY T-2). Neither is a text with a byte order mark, which others would sign without.
  public static func secret(_ bytes: [UInt8]) throws(UnusedKey) -> KeySet {
    if EncodedSecret.isMarked(bytes) { throw .unsupported("a byte order mark before a secret") }
    if EncodedSecret.isKey(bytes) { throw .unsupported("key material as a secret") }
    do throws(PublicKeyError) {
      let key = VerificationKey(keyID: nil, algorithm: nil, key: try PublicKey(secret: bytes))
      return KeySet(keys: [key], problems: [], isSecret: true)
    } catch {
      throw .material(error)
    }
  }

  /// The gateway's own keys: their public halves, or secrets.
  public init(_ issuerKeys: [IssuerKey]) {
    keys = issuerKeys.map {
      VerificationKey(keyID: $0.keyID, algorithm: $0.algorithm, key: $0.key.publicKey)
    }
    problems = []
    isSecret = issuerKeys.contains { $0.algorithm.isSymmetric }
  }

  /// The key of that name, compared byte for byte.
  func key(named keyID: String) -> VerificationKey? {
    for key in keys {
      if let name = key.keyID, name.isSameBytes(as: keyID) { return key }
    }
    return nil
  }

  /// Whether it still holds the key that `token` was verified with, for that algorithm, under that name if it had one.
  public func isHolding(keyOf token: VerifiedToken) -> Bool {
    keys.contains { key in
      if let keyID = key.keyID, !isSecret, !(token.keyID?.isSameBytes(as: keyID) ?? false) { return false }
      return key.allows(token.algorithm) && key.key.isSame(as: token.key)
    }
  }

  private static func repeatedKeyIDs(_ elements: [JSONValue]) -> Set<[UInt8]> {
    var seen: Set<[UInt8]> = []
    var repeated: Set<[UInt8]> = []
    for element in elements {
      guard let keyID = element.object?["kid"]?.string else { continue }
      if !seen.insert(Array(keyID.utf8)).inserted { repeated.insert(Array(keyID.utf8)) }
    }
    return repeated
  }
}

extension [KeySet.Problem] {
  /// Without those that say what an earlier one says.
  public var distinct: [KeySet.Problem] {
    reduce(into: []) { distinct, problem in
      if !distinct.contains(where: { $0.isSaid(as: problem) }) { distinct.append(problem) }
    }
  }

  /// Those that are said one by one.
  public var named: ArraySlice<KeySet.Problem> { distinct.prefix(KeySet.problemsNamedMax) }

  /// Of how many keys none of `named` tells.
  public var unnamedCount: Int {
    let named = named
    return count { problem in !named.contains { $0.isSaid(as: problem) } }
  }
}
