internal import Crypto
internal import JSON
public import Tokens

/// What is to be said of a published key set (RFC 7517), for who publishes it.
public enum KeyHygiene {
  /// Bytes of a set that are taken (SECURITY K-2).
  public static let bytesMax = 512 * 1024

  /// - Parameters:
  ///   - text: As it was fetched.
  ///   - algorithms: Those that the provider takes; nil: all that the keys allow.
  /// - Returns: The worst first.
  public static func findings(_ text: [UInt8], algorithms: [SignatureAlgorithm]?) -> [IssuerFinding] {
    let set: KeySet
    var findings: [IssuerFinding] = []
    do throws(KeySetError) {
      set = try KeySet.parse(jwks: text.span)
    } catch {
      guard case .noUsableKeys(let problems) = error, !problems.isEmpty else {
        return [
          IssuerFinding(
            .fault, "keys", "\(error)", remedy: "check what answers at that address; a JWK Set is needed (RFC 7517 §5)")
        ]
      }
      let last = IssuerFinding(
        .fault, "keys", "no key can be used: every token is answered 503", remedy: "fix the keys named above")
      return problems.distinct.map(finding) + [last]
    }
    findings += set.problems.distinct.map(finding)
    findings += fitting(set, algorithms)
    findings += naming(set.keys)
    findings += size(text.count, set.keys.count + set.problems.count)
    if !findings.contains(where: { $0.severity != .good }) {
      findings.append(IssuerFinding(.good, "keys", "\(set.keys.count) usable: \(names(set.keys))"))
    }
    return findings.inOrder
  }

  /// A key that is not used.
  private static func finding(_ problem: KeySet.Problem) -> IssuerFinding {
    switch problem.cause {
    case .privateMembers:
      IssuerFinding(
        .fault, "keys", "\(problem): whoever reads the set can sign",
        remedy: "take it out of the set, stop signing with it, and make another: it is public")
    case .secret:
      IssuerFinding(
        .fault, "keys", "\(problem): whoever reads the set can sign",
        remedy: "take it out of the set, and share another by secret_file where HS256 is meant")
    case .keyIDRepeated:
      IssuerFinding(
        .fault, "keys", "\(problem): neither is used, and tokens of both are refused",
        remedy: "give each key a kid of its own, such as its thumbprint (RFC 7638)")
    case .algorithmMismatch:
      IssuerFinding(.warning, "keys", "\(problem): not used", remedy: "set its alg to what it signs with")
    case .material(.modulusSize), .material(.exponentInvalid):
      IssuerFinding(
        .fault, "keys", "\(problem): not used, and its tokens are refused",
        remedy: "sign with RSA of 2048 bits or more, ES256 or EdDSA")
    case .memberInvalid, .material:
      IssuerFinding(.warning, "keys", "\(problem): not used", remedy: "have the issuer fix the key")
    case .unsupported, .notForSignatures:
      IssuerFinding(.good, "keys", "\(problem): not used, which is fine if it is for something else")
    }
  }

  private static func fitting(_ set: KeySet, _ algorithms: [SignatureAlgorithm]?) -> [IssuerFinding] {
    guard let algorithms else { return [] }
    let fitting = set.keys.filter { key in
      algorithms.contains { (key.algorithm == nil || key.algorithm == $0) && key.key.fits($0.scheme) }
    }
    guard fitting.isEmpty else { return [] }
    let names = algorithms.map(\.rawValue).joined(separator: ", ")
    return [
      IssuerFinding(
        .fault, "keys", "no key is for the provider's algorithms (\(names)): every token is refused",
        remedy: "compare \"algorithms\" with what the issuer signs with")
    ]
  }

  private static func naming(_ keys: [VerificationKey]) -> [IssuerFinding] {
    var findings: [IssuerFinding] = []
    if keys.count > 1, keys.contains(where: { $0.keyID == nil }) {
      findings.append(
        IssuerFinding(
          .warning, "keys", "one of several keys has no kid: tokens that name none are tried with at most four keys",
          remedy: "give each key a kid, and have tokens name it"))
    }
    let unbound = keys.filter { $0.algorithm == nil }
    if !unbound.isEmpty {
      findings.append(
        IssuerFinding(
          .warning, "keys", "no alg: \(names(unbound)): any algorithm that fits the key passes",
          remedy: "have the keys say alg, or list \"algorithms\" for the provider (RFC 8725 §3.1)"))
    }
    return findings
  }

  private static func size(_ bytes: Int, _ count: Int) -> [IssuerFinding] {
    guard bytes > bytesMax / 2 || count > KeySet.keysMax / 2 else { return [] }
    return [
      IssuerFinding(
        .warning, "keys",
        "\(count) keys in \(bytes) bytes; more than \(KeySet.keysMax) or \(bytesMax) are refused altogether",
        remedy: "have the issuer take out keys whose tokens have ended")
    ]
  }

  private static func names(_ keys: [VerificationKey]) -> String {
    let shown = keys.prefix(5).map { key in
      let name = key.keyID.map { JSONValue.quotedExcerpt($0) } ?? "one without kid"
      return "\(name) (\(key.algorithm?.rawValue ?? "\(key.key.bits) bits"))"
    }
    return shown.joined(separator: ", ") + (keys.count > 5 ? " and \(keys.count - 5) more" : "")
  }
}

extension [IssuerFinding] {
  /// The worst first; those of one severity as they came.
  public var inOrder: [IssuerFinding] {
    [.fault, .warning, .good].flatMap { severity in filter { $0.severity == severity } }
  }
}
