import Configuration
import Crypto
import JSON
import Reason
import Tokens

/// A token's checks in the order of the verifier's work, for the one who asks why: what each one wanted, what it found,
/// and how it ended. The verdict is the verifier's; nothing is decided here, and no signature and no secret is shown.
struct TokenExplanation {
  /// A step of the verifier.
  enum Step: Equatable {
    case size, form, header, extensions, type, algorithm, keys, key, signature, claims, issuer, audience, expiry
    case notBefore, issuedAt, age, subject, tokenID
    case required(ClaimPath)
    case revocation(places: String)
    case confirmation(DPoPUse)
  }

  enum Verdict {
    case good
    case refused(TokenError)
    case revoked(Revocations.Kind)
    /// What the token is bound to, nobody can show here.
    case unprovable(Reason)
  }

  enum Outcome { case passed, refused, notReached }

  struct Line {
    let name: String
    let outcome: Outcome
    let expected: String
    /// nil: the token has nothing of the kind, or it was not looked at.
    let found: String?
  }

  let lines: [Line]

  /// - Parameters:
  ///   - revoked: What is revoked of the provider's tokens; nil: there is no provider to ask.
  ///   - dpop: The provider's; nil: there is no provider to ask.
  ///   - now: The time that the token was verified at.
  init(
    _ token: [UInt8], _ policy: TokenPolicy, _ keys: KeySet?, _ verdict: Verdict, _ revoked: ProviderRevocations?,
    dpop: DPoPUse?, now: UnixSeconds
  ) {
    let facts = TokenFacts(token, policy, keys, verdict, now: now)
    let revocation: [Step] = revoked?.places.map { [.revocation(places: $0)] } ?? []
    let steps = TokenExplanation.steps(policy) + revocation + (dpop.map { [.confirmation($0)] } ?? [])
    let place: Int? =
      switch verdict {
      case .good: nil
      case .refused(let error): steps.firstIndex(of: TokenExplanation.step(of: error.fault, policy))
      case .revoked: steps.firstIndex { if case .revocation = $0 { true } else { false } }
      case .unprovable: steps.count - 1
      }
    lines = steps.enumerated().map { index, step in
      let outcome: Outcome =
        switch place {
        case nil: .passed
        case let place? where index < place: .passed
        case index?: .refused
        default: .notReached
        }
      return Line(
        name: step.name, outcome: outcome, expected: facts.expected(step),
        found: outcome == .notReached ? nil : facts.found(step))
    }
  }

  /// For a terminal: a line for each check.
  var text: String {
    let width = lines.map(\.name.count).max() ?? 0
    return lines.map { line in
      let word =
        switch line.outcome {
        case .passed: "passed "
        case .refused: "REFUSED"
        case .notReached: "-      "
        }
      let name = line.name + String(repeating: " ", count: width - line.name.count)
      return "  \(word)  \(name)  wanted \(line.expected)" + (line.found.map { "; found \($0)" } ?? "")
    }.joined(separator: "\n")
  }

  private static func steps(_ policy: TokenPolicy) -> [Step] {
    let age: [Step] = policy.ageMaxSeconds == nil ? [] : [.age]
    return [
      .size, .form, .header, .extensions, .type, .algorithm, .keys, .key, .signature, .claims, .issuer, .audience,
      .expiry, .notBefore, .issuedAt,
    ] + age + [.subject, .tokenID] + policy.requiredClaims.map { .required($0) }
  }

  private static func step(of fault: TokenError.Fault, _ policy: TokenPolicy) -> Step {
    switch fault {
    case .tooLarge: .size
    case .malformed, .encrypted: .form
    case .headerInvalid: .header
    case .extensionRefused: .extensions
    case .typeRefused, .tokenTypeRefused: .type
    case .algorithmRefused: .algorithm
    case .keysUnavailable: .keys
    case .keyUnknown, .keyMismatch: .key
    case .signatureInvalid, .crypto: .signature
    case .claimsInvalid: .claims
    case .issuerUnknown: .issuer
    case .audienceMismatch: .audience
    case .expired: .expiry
    case .notYetValid: .notBefore
    case .issuedInFuture: .issuedAt
    case .tooOld: .age
    case .claimMissing(let name): missing(name, policy)
    case .claimMalformed(let name): step(ofClaim: name) ?? .claims
    }
  }

  /// `iss` and `exp` are always looked for, `aud` where audiences are named, `iat` for a token's age; what else is
  /// missing was required.
  private static func missing(_ name: String, _ policy: TokenPolicy) -> Step {
    if name == "iat", policy.ageMaxSeconds != nil { return .age }
    let isRequired = name != "aud" || policy.audiences != .any
    if isRequired, ["iss", "aud", "exp"].contains(name), let step = step(ofClaim: name) { return step }
    return policy.requiredClaims.first { $0.description.isSameBytes(as: name) }.map { .required($0) } ?? .claims
  }

  private static func step(ofClaim name: String) -> Step? {
    switch name {
    case "iss": .issuer
    case "aud": .audience
    case "exp": .expiry
    case "nbf": .notBefore
    case "iat": .issuedAt
    case "sub": .subject
    case "jti": .tokenID
    default: nil
    }
  }
}

extension TokenExplanation.Step {
  var name: String {
    switch self {
    case .size: "size"
    case .form: "form"
    case .header: "header"
    case .extensions: "extensions"
    case .type: "typ"
    case .algorithm: "alg"
    case .keys: "key set"
    case .key: "kid"
    case .signature: "signature"
    case .claims: "claims"
    case .issuer: "iss"
    case .audience: "aud"
    case .expiry: "exp"
    case .notBefore: "nbf"
    case .issuedAt: "iat"
    case .age: "age"
    case .subject: "sub"
    case .tokenID: "jti"
    case .required(let path): "claim \(path)"
    case .revocation: "revocation"
    case .confirmation: "cnf"
    }
  }
}
