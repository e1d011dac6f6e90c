import Crypto
import JSON
import Reason
import Tokens

/// RFC 9449 §4.3, behind a signature that holds: the input is the header, a line feed and the payload of a proof, and is
/// signed here.
enum DPoPProofsTarget {
  private static let now: UnixSeconds = 1_750_000_000
  private static let leewaySeconds: Int64 = 5
  private static let token = Array("a.token.of-the-fuzz-targets".utf8)
  private static let request = DPoPRequest(
    method: Array("GET".utf8), scheme: .http, host: Array("api.example".utf8), port: nil, path: Array("/orders".utf8))
  /// Of the fuzz targets alone, good for nothing else.
  private static let key = try? SigningKey(
    pem: Array(
      """
      -----BEGIN PRIVATE KEY-----
      MC4CAQAwBQYDK2VwBCIEIHRoZSBrZXkgb2YgdGhlIGZ1enogdGFyZ2V0cyBvbmx5
      -----END PRIVATE KEY-----
      """.utf8))
  private static let thumbprint = key.flatMap { try? Thumbprint.of($0.publicKey) }.flatMap { Base64URL.decode($0) }
  private static let x = "JfVIAT7deh1rWUXiRgFP90waRq5r2Zx7h1m4pH9QfWA"
  private static let tokenHash = "M3iXu-H4RQY2hwjfF2alrZivdwhaO3ED9EcQNgTlxrE"
  private static let honestHeader = Array(
    #"{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"\#(x)"}}"#.utf8)

  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let bytes = Array(copying: input)
    let header = Array(bytes.prefix { $0 != UInt8(ascii: "\n") })
    let payload = Array(bytes.dropFirst(header.count + 1))
    let proof = try signed(header, payload)
    let claims = ReferenceJSON.read(payload.span)?.object
    let isRight = claims.map { isGood(claims: $0) } ?? false
    switch try verify(proof, now: now) {
    case .success(let verified):
      guard let claims, let members = ReferenceJSON.read(header.span)?.object else {
        throw Violation("header and claims are JSON objects")
      }
      try check(header: members)
      try require(isRight, "bad claims are refused")
      try require(claims["jti"] == .string(verified.identifier), "the identifier is the proof's")
      let (end, leewayMax) = (verified.replayableUntil, TokenPolicy.leewayMaxSeconds)
      try require(end > now, "an accepted proof has not ended")
      try require(end <= now + leewaySeconds + DPoPProof.ageMaxSeconds + leewayMax, "it ends soon")
      if claims["exp"] == nil {
        try require((try? verify(proof, now: end - 1, leewayMax).get()) != nil, "it is good until then")
      }
      try require((try? verify(proof, now: end, leewayMax).get()) == nil, "it is refused from then on")
      return .accepted
    case .failure(let error):
      let mustPass = isRight && header == honestHeader && proof.count <= DPoPProof.bytesMax
      try require(!mustPass, "a good proof is accepted, not: \(error)")
      try require(error.reason == .proofInvalid, "a bad proof is its sender's fault")
      return .refused
    }
  }

  private static func signed(_ header: [UInt8], _ payload: [UInt8]) throws(Violation) -> [UInt8] {
    let signed = Base64URL.encode(header.span) + [UInt8(ascii: ".")] + Base64URL.encode(payload.span)
    guard let signature = try? key?.sign(signed.span, .ed25519) else { throw Violation("a proof can be signed") }
    return signed + [UInt8(ascii: ".")] + Base64URL.encode(signature.span)
  }

  private static func verify(
    _ proof: [UInt8], now: UnixSeconds, _ leewaySeconds: Int64 = leewaySeconds
  ) throws(Violation) -> Result<DPoPProof, DPoPProofError> {
    guard let thumbprint else { throw Violation("the key has a thumbprint") }
    do throws(DPoPProofError) {
      return .success(
        try DPoPProof(
          verifying: proof.span, for: request, token: token.span, boundTo: thumbprint, now: now,
          leewaySeconds: leewaySeconds, using: SignatureVerifier()))
    } catch {
      return .failure(error)
    }
  }

  // MARK: The rules once more

  private static func check(header: JSONObject) throws(Violation) {
    let type = header["typ"]?.string?.lowercased()
    try require(type == "dpop+jwt" || type == "application/dpop+jwt", "the type is a proof's")
    try require(header["alg"] == .string("EdDSA"), "the algorithm is the key's")
    for name in ["crit", "b64", "cty", "zip"] { try require(header[name] == nil, "no extension is accepted") }
    guard let jwk = header["jwk"]?.object else { throw Violation("a proof brings its key") }
    try require(
      jwk["kty"] == .string("OKP") && jwk["crv"] == .string("Ed25519") && jwk["x"] == .string(x),
      "the key is the one that the token is bound to")
    for name in ["k", "d", "p", "q", "dp", "dq", "qi", "oth"] {
      try require(jwk[name] == nil, "a proof brings no private key")
    }
  }

  private static func isGood(claims: JSONObject) -> Bool {
    guard let identifier = claims["jti"]?.string, (1...DPoPProof.identifierBytesMax).contains(identifier.utf8.count),
      claims["htm"] == .string("GET"), claims["ath"] == .string(tokenHash), isTarget(claims["htu"]?.string)
    else { return false }
    // Times count whole seconds, rounded down.
    let latest = Double(now + leewaySeconds + 1)
    guard let issuedAt = seconds(claims["iat"]), issuedAt < latest,
      issuedAt >= Double(now - leewaySeconds - DPoPProof.ageMaxSeconds + 1)
    else { return false }
    if let value = claims["nbf"] {
      guard let notBefore = seconds(value), notBefore < latest else { return false }
    }
    if let value = claims["exp"] {
      guard let expiry = seconds(value), expiry >= Double(now - leewaySeconds + 1) else { return false }
    }
    return true
  }

  private static func seconds(_ value: JSONValue?) -> Double? {
    switch value {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    default: nil
    }
  }

  /// Whether it is https://api.example/orders or the same with http, in any spelling.
  private static func isTarget(_ text: String?) -> Bool {
    guard let text else { return false }
    let bytes = text.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    guard bytes.allSatisfy({ $0 < 0x80 }) else { return false }
    let characters = Substring(bytes)
    for (scheme, port) in [("https://", 443), ("http://", 80)] where characters.lowercased().hasPrefix(scheme) {
      let rest = characters.dropFirst(scheme.count)
      var authority = rest.prefix { $0 != "/" }.lowercased()
      let path = rest.dropFirst(authority.count)
      if let colon = authority.lastIndex(of: ":") {
        let digits = authority[colon...].dropFirst()
        guard digits.isEmpty || (digits.count <= 5 && digits.allSatisfy(\.isWholeNumber) && Int(digits) == port) else {
          return false
        }
        authority = String(authority[..<colon])
      }
      return (authority == "api.example" || authority == "api.example.") && unescaped(path) == "/orders"
    }
    return false
  }

  /// nil where an escape is none. A path that has no reserved character but its slash is the same decoded as a whole.
  private static func unescaped(_ path: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = path.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = String(Substring(rest.prefix(2)))
      guard digits.utf8.count == 2, digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
        let value = UInt8(digits, radix: 16), value != UInt8(ascii: "/")
      else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
