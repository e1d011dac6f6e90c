import Crypto
import JSON
import Reason
import Tokens

/// SECURITY T-1 to T-11: nobody has the private keys, so nothing is accepted but what was signed when they were made.
enum CompactTokensTarget {
  private static let verifier = TokenVerifier(
    TokenPolicy(provider: "idp", issuer: "https://idp.example", audiences: .oneOf(["api"])))
  private static let published = try? KeySet.parse(jwks: Array(SignedTokens.keySet.utf8).span)
  private static let secret = try? KeySet.secret(Array(SignedTokens.secret.utf8))

  /// The headers of the good tokens, as a loop remembers them.
  private static func knownHeaders() -> KnownHeaders {
    let known = KnownHeaders()
    for token in SignedTokens.tokens {
      let bytes = Array(token.utf8)
      if let compact = try? CompactToken(bytes.span) { known.keep(compact, of: bytes.span) }
    }
    return known
  }

  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    guard let published, let secret else { throw Violation("the key sets are good") }
    let decoded = try? DecodedToken(input)
    if let decoded {
      try require(readAgain(decoded.header) && readAgain(decoded.claims), "what was decoded can be shown")
    }
    if input.count <= verifier.policy.tokenBytesMax {
      let known = knownHeaders()
      for keys in [published, secret] {
        let isAlike = verify(input, keys, known: known).isSame(as: verify(input, keys))
        try require(isAlike, "a header that is remembered makes no difference")
      }
    }
    switch (verify(input, published), verify(input, secret)) {
    case (.success(let token), .failure), (.failure, .success(let token)):
      let text = String(decoding: Array(copying: input), as: UTF8.self)
      // The second signature that belongs to one of ECDSA is out of a fuzzer's reach too.
      try require(SignedTokens.tokens.containsSameBytes(as: text), "only what was signed is accepted")
      try require(decoded?.claims["iss"] == .string(token.issuer), "both readings give the same claims")
      if let keyID = decoded?.header["kid"] {
        try require(keyID == token.keyID.map { .string($0) }, "both give the same header")
      } else {
        let names = (token.algorithm.isSymmetric ? secret : published).keys.map(\.keyID)
        try require(names.contains(token.keyID), "a token that names no key has the name of the one that signed it")
      }
      try require(decoded?.header["alg"] == .string(token.algorithm.rawValue), "both give the same algorithm")
      return .accepted
    case (.failure(let first), .failure(let second)):
      for error in [first, second] {
        try require(!error.description.isEmpty && error.reason.status == 401, "a bad token is its sender's fault")
      }
      // Nothing but the signature and the claims' meaning tells tokens that can be decoded apart.
      let isMalformed = [first, second].contains { $0.fault == .malformed || $0.fault == .encrypted }
      try require(decoded == nil || !isMalformed, "what can be decoded has three parts")
      return .refused
    case (.success, .success):
      throw Violation("a secret is for HMAC alone, and HMAC for a secret")
    }
  }

  private static func verify(
    _ input: Span<UInt8>, _ keys: KeySet, known: KnownHeaders? = nil
  ) -> Result<VerifiedToken, TokenError> {
    let signatures = SignatureVerifier()
    do throws(TokenError) {
      guard let known else {
        return .success(try verifier.verify(input, keys: keys, now: SignedTokens.now, using: signatures))
      }
      let compact = try CompactToken(input, known: known)
      return .success(
        try verifier.verify(compact, of: input, keys: keys, now: SignedTokens.now, using: signatures))
    } catch {
      return .failure(error)
    }
  }

  private static func readAgain(_ object: JSONObject) -> Bool {
    ReferenceJSON.read(JSONValue.object(object).serialized().span)?.object == object
  }
}

extension Result<VerifiedToken, TokenError> {
  fileprivate func isSame(as other: Self) -> Bool {
    switch (self, other) {
    case (.success(let token), .success(let other)): token.keyID == other.keyID && token.algorithm == other.algorithm
    case (.failure(let error), .failure(let other)): error.fault == other.fault && error.keyID == other.keyID
    default: false
    }
  }
}
