import JSON
import Reason
import Testing

@testable import Crypto
@testable import Tokens

@Suite("DPoP proofs")
struct DPoPProofTests {
  @Test("RFC 9449 §7.1: the example of the RFC itself")
  func example() throws {
    let proof = """
      eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rsc\
      EJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19\
      .eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z\
      WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9\
      .2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA
      """
    let request = DPoPRequest(
      method: Array("GET".utf8), scheme: .https, host: Array("resource.example.org".utf8), port: nil,
      path: Array("/protectedresource".utf8))
    // §6.1: the thumbprint that the RFC's token is bound to.
    let bound = try #require(Base64URL.decode("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"))
    let (bytes, token) = (Array(proof.utf8), ProofMaker.token)
    let verified = try DPoPProof(
      verifying: bytes.span, for: request, token: token.span, boundTo: bound,
      now: 1_562_262_620, leewaySeconds: 0, using: SignatureVerifier())
    #expect(verified.identifier == "e1j3V_bKic8-LAEB")
    #expect(verified.replayableUntil == 1_562_262_618 + 120)
  }

  static let rsaKey = Result { try SigningKey.generate(.rsa(bits: 2048)) }

  @Test("Every algorithm of public keys proves", arguments: DPoPProof.algorithms)
  func algorithms(algorithm: SignatureAlgorithm) throws {
    let kind = try #require(algorithm.keyKind)
    let key = if case .rsa = kind { try Self.rsaKey.get() } else { try SigningKey.generate(kind) }
    #expect(try ProofCheck().fault(ProofMaker(key, algorithm)) == nil)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    var header: [String: JSONValue?] = [:]
    var claims: [String: JSONValue?] = [:]
    let fault: DPoPProofError?
    var testDescription: String { "\(rule) \(header) \(claims)" }
  }

  static let rows = [
    Row(rule: "honest", fault: nil),
    Row(rule: "more members", header: ["kid": "x", "jku": "https://evil.example"], claims: ["nonce": "x"], fault: nil),

    Row(rule: "§4.3 (3) jti absent", claims: ["jti": nil], fault: .claimMissing("jti")),
    Row(rule: "§4.3 (3) htm absent", claims: ["htm": nil], fault: .claimMissing("htm")),
    Row(rule: "§4.3 (3) htu absent", claims: ["htu": nil], fault: .claimMissing("htu")),
    Row(rule: "§4.3 (3) iat absent", claims: ["iat": nil], fault: .claimMissing("iat")),
    Row(rule: "§4.3 (3) ath absent", claims: ["ath": nil], fault: .claimMissing("ath")),
    Row(rule: "§4.2 jti empty", claims: ["jti": ""], fault: .claimMalformed("jti")),
    Row(rule: "§4.2 jti number", claims: ["jti": .integer(7)], fault: .claimMalformed("jti")),
    Row(rule: "§4.2 jti null", claims: ["jti": .null], fault: .claimMalformed("jti")),
    Row(rule: "§4.2 jti of 256 bytes", claims: ["jti": .string(letters(256))], fault: nil),
    Row(rule: "§4.2 jti of 257 bytes", claims: ["jti": .string(letters(257))], fault: .claimMalformed("jti")),
    Row(rule: "§4.2 htm number", claims: ["htm": .integer(7)], fault: .claimMalformed("htm")),
    Row(rule: "§4.2 htu array", claims: ["htu": .array([])], fault: .claimMalformed("htu")),
    Row(rule: "§4.2 ath number", claims: ["ath": .integer(7)], fault: .claimMalformed("ath")),

    Row(rule: "§4.3 (4) typ absent", header: ["typ": nil], fault: .typeRefused),
    Row(rule: "§4.3 (4) typ JWT", header: ["typ": "JWT"], fault: .typeRefused),
    Row(rule: "§4.3 (4) typ at+jwt", header: ["typ": "at+jwt"], fault: .typeRefused),
    Row(rule: "§4.3 (4) typ number", header: ["typ": .integer(7)], fault: .typeRefused),
    Row(rule: "§4.3 (4) typ longer", header: ["typ": "dpop+jwtx"], fault: .typeRefused),
    Row(rule: "§4.3 (4) typ in upper case", header: ["typ": "DPoP+JWT"], fault: nil),
    Row(rule: "§4.3 (4) typ in full", header: ["typ": "application/dpop+jwt"], fault: nil),
    Row(rule: "§4.3 (5) alg absent", header: ["alg": nil], fault: .algorithmRefused),
    Row(rule: "§4.3 (5) alg none", header: ["alg": "none"], fault: .algorithmRefused),
    Row(rule: "§4.3 (5) alg HS256", header: ["alg": "HS256"], fault: .algorithmRefused),
    Row(rule: "§4.3 (5) alg unknown", header: ["alg": "ES256K"], fault: .algorithmRefused),
    Row(rule: "§4.3 (5) alg in lower case", header: ["alg": "es256"], fault: .algorithmRefused),
    Row(rule: "§4.3 (5) alg list", header: ["alg": .array(["ES256"])], fault: .algorithmRefused),
    Row(rule: "§4.3 (5) alg of another curve", header: ["alg": "ES384"], fault: .keyMismatch),
    Row(rule: "§4.3 (5) alg of another type", header: ["alg": "RS256"], fault: .keyMismatch),
    Row(rule: "RFC 7515 crit", header: ["crit": .array(["b64"])], fault: .extensionRefused("crit")),
    Row(rule: "RFC 7515 crit null", header: ["crit": .null], fault: .extensionRefused("crit")),
    Row(rule: "RFC 7797 b64", header: ["b64": .bool(true)], fault: .extensionRefused("b64")),
    Row(rule: "RFC 7515 cty", header: ["cty": "JWT"], fault: .extensionRefused("cty")),
    Row(rule: "RFC 7516 zip", header: ["zip": "DEF"], fault: .extensionRefused("zip")),
    Row(rule: "§4.2 jwk absent", header: ["jwk": nil], fault: .keyInvalid(.memberInvalid("jwk"))),
    Row(rule: "§4.2 jwk text", header: ["jwk": "{}"], fault: .keyInvalid(.memberInvalid("jwk"))),
    Row(rule: "§4.2 jwk empty", header: ["jwk": .object([:])], fault: .keyInvalid(.memberInvalid("kty"))),

    Row(rule: "§4.3 (8) htm POST", claims: ["htm": "POST"], fault: .methodMismatch),
    Row(rule: "§4.3 (8) htm in lower case", claims: ["htm": "get"], fault: .methodMismatch),
    Row(rule: "§4.3 (8) htm with a space", claims: ["htm": "GET "], fault: .methodMismatch),
    Row(rule: "§4.3 (8) htm empty", claims: ["htm": ""], fault: .methodMismatch),
    Row(rule: "§4.3 (9) htu of another path", claims: ["htu": "https://api.example/other"], fault: .targetMismatch),
    Row(rule: "§4.3 (9) htu of another host", claims: ["htu": "https://evil.example/orders"], fault: .targetMismatch),

    Row(rule: "§4.3 (11) iat text", claims: ["iat": "1750000000"], fault: .claimMalformed("iat")),
    Row(rule: "§4.3 (11) iat null", claims: ["iat": .null], fault: .claimMalformed("iat")),
    Row(rule: "§4.3 (11) iat of 59 s ago", claims: ["iat": .integer(Issuer.now - 59)], fault: nil),
    Row(rule: "§4.3 (11) iat of 60 s ago", claims: ["iat": .integer(Issuer.now - 60)], fault: .expired),
    Row(rule: "§4.3 (11) iat in a second", claims: ["iat": .integer(Issuer.now + 1)], fault: .notYetValid),
    Row(rule: "§4.3 (11) iat in milliseconds", claims: ["iat": .integer(Issuer.now * 1000)], fault: .notYetValid),
    Row(rule: "§4.3 (11) iat far away", claims: ["iat": .integer(.max)], fault: .notYetValid),
    Row(rule: "§4.3 (11) iat long ago", claims: ["iat": .integer(.min)], fault: .expired),
    Row(rule: "§4.3 (11) iat 1e300", claims: ["iat": .number(1e300)], fault: .notYetValid),
    Row(rule: "§4.3 (11) iat -1e300", claims: ["iat": .number(-1e300)], fault: .expired),
    Row(rule: "§4.3 (11) iat of this second", claims: ["iat": .number(Double(Issuer.now) + 0.9)], fault: nil),
    Row(rule: "RFC 7519 exp passed", claims: ["exp": .integer(Issuer.now)], fault: .expired),
    Row(rule: "RFC 7519 exp to come", claims: ["exp": .integer(Issuer.now + 1)], fault: nil),
    Row(rule: "RFC 7519 exp text", claims: ["exp": "x"], fault: .claimMalformed("exp")),
    Row(rule: "RFC 7519 nbf to come", claims: ["nbf": .integer(Issuer.now + 1)], fault: .notYetValid),
    Row(rule: "RFC 7519 nbf passed", claims: ["nbf": .integer(Issuer.now)], fault: nil),

    Row(rule: "§4.3 (12) ath of another token", claims: ["ath": ProofMaker.hash([1])], fault: .tokenMismatch),
    Row(rule: "§4.3 (12) ath empty", claims: ["ath": ""], fault: .tokenMismatch),
    Row(
      rule: "§4.3 (12) ath padded", claims: ["ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo="],
      fault: .tokenMismatch),
  ]

  @Test("§4.3: each rule has a proof that breaks only it", arguments: rows)
  func rules(_ row: Row) throws {
    let maker = try ProofMaker().with(header: row.header, claims: row.claims)
    #expect(try ProofCheck().fault(maker) == row.fault)
  }

  @Test("§4.3 (1): one field line, and one proof in it")
  func fieldLines() throws {
    let maker = try ProofMaker()
    let proof = try maker.proof()
    #expect(try ProofCheck(fieldLines: 0).fault([], boundTo: maker.key.publicKey) == .missing)
    #expect(try ProofCheck(fieldLines: 0).fault(proof, boundTo: maker.key.publicKey) == .missing)
    #expect(try ProofCheck(fieldLines: 2).fault(proof, boundTo: maker.key.publicKey) == .repeated(fieldLines: 2))
    let joined = proof + Array(", ".utf8) + proof
    #expect(try ProofCheck().fault(joined, boundTo: maker.key.publicKey) == .malformed)
  }

  @Test("§4.3 (2): a compact JWS of canonical base64url, and strict JSON in it")
  func wellFormed() throws {
    let maker = try ProofMaker()
    let (header, payload) = (maker.headerObject.serialized(), maker.claimsObject.serialized())
    let proof = try maker.proof()
    let text = String(decoding: proof, as: UTF8.self)
    for bad in ["", ".", "..", "a.b", text + ".", text + "=", text + " ", " " + text, "{}", text + "." + text] {
      #expect(try ProofCheck().fault(Array(bad.utf8), boundTo: maker.key.publicKey) == .malformed, "\(bad)")
    }
    for bad in ["", "[]", "{", "{\"typ\":\"dpop+jwt\",\"typ\":\"dpop+jwt\"}", "\"x\""] {
      let proof = try maker.proof(header: Array(bad.utf8), payload: payload)
      #expect(
        try ProofCheck().fault(proof, boundTo: maker.key.publicKey) == (bad.isEmpty ? .malformed : .headerInvalid))
    }
    for bad in ["", "[]", "{", "{\"jti\":\"a\",\"\\u006ati\":\"b\"}", "\"x\""] {
      let proof = try maker.proof(header: header, payload: Array(bad.utf8))
      #expect(try ProofCheck().fault(proof, boundTo: maker.key.publicKey) == .claimsInvalid, "\(bad)")
    }
    let filled = maker.with(claims: ["x": .string(letters(DPoPProof.bytesMax))])
    #expect(try ProofCheck().fault(filled) == .tooLarge)
  }

  @Test("§4.3 (6): the signature of the key in the header, over these bytes")
  func signature() throws {
    let maker = try ProofMaker()
    let stranger = ProofMaker(try SigningKey.generate(.ellipticCurve(.p256)), .es256)
    let key = maker.key.publicKey
    // Another's signature below the header that names the right key.
    let forged = try stranger.with(header: ["jwk": key.jwk()]).proof()
    #expect(try ProofCheck().fault(forged, boundTo: key) == .signatureInvalid)
    // Another's honest proof.
    #expect(try ProofCheck().fault(stranger.proof(), boundTo: key) == .keyNotBound)
    // The claims of one below the signature of another.
    let parts = String(decoding: try maker.proof(), as: UTF8.self).split(separator: ".")
    let others = String(decoding: try maker.with(claims: ["jti": "other"]).proof(), as: UTF8.self).split(separator: ".")
    let mixed = "\(parts[0]).\(others[1]).\(parts[2])"
    #expect(try ProofCheck().fault(Array(mixed.utf8), boundTo: key) == .signatureInvalid)
    let unsigned = "\(parts[0]).\(parts[1])."
    #expect(try ProofCheck().fault(Array(unsigned.utf8), boundTo: key) == .signatureInvalid)
    let zeros = "\(parts[0]).\(parts[1]).\(Base64URL.text([UInt8](repeating: 0, count: 64)))"
    #expect(try ProofCheck().fault(Array(zeros.utf8), boundTo: key) == .signatureInvalid)
  }

  @Test("§4.3 (7): a public key that verifies signatures, and nothing else")
  func keys() throws {
    let maker = try ProofMaker()
    let key = maker.key.publicKey
    func fault(_ jwk: JSONValue, thumbprint: [UInt8]? = nil) throws -> DPoPProofError? {
      try ProofCheck(thumbprint: thumbprint).fault(maker.with(header: ["jwk": jwk]).proof(), boundTo: key)
    }
    #expect(try fault(key.jwk(["kid": "any", "use": "sig", "alg": "ES256"])) == nil)
    #expect(try fault(key.jwk(["d": "AA"])) == .keyInvalid(.privateMembers))
    #expect(try fault(key.jwk(["d": .null])) == .keyInvalid(.privateMembers))
    #expect(try fault(key.jwk(["k": "AA"])) == .keyInvalid(.secret))
    #expect(try fault(key.jwk(["use": "enc"])) == .keyInvalid(.notForSignatures))
    #expect(try fault(key.jwk(["key_ops": .array(["sign"])])) == .keyInvalid(.notForSignatures))
    #expect(try fault(key.jwk(["alg": "RS256"])) == .keyInvalid(.algorithmMismatch))
    #expect(try fault(.object(["kty": "oct", "k": .string(letters(64))])) == .keyInvalid(.secret))
    #expect(try fault(.object(["kty": "RSA", "n": "AQAB"])) == .keyInvalid(.material(.modulusSize(bits: 17))))
    // What a token is bound to, and is no key all the same: its thumbprint fits.
    let coordinate = JSONValue.string(letters(42) + "A")
    let offCurve: JSONObject = ["crv": "P-256", "kty": "EC", "x": coordinate, "y": coordinate]
    #expect(
      try fault(.object(offCurve), thumbprint: Thumbprint.digest(of: offCurve))
        == .keyInvalid(.material(.pointInvalid)))
    let curve: JSONObject = ["crv": "X25519", "kty": "OKP", "x": .string(letters(43))]
    #expect(
      try fault(.object(curve), thumbprint: Thumbprint.digest(of: curve))
        == .keyInvalid(.unsupported("the curve X25519")))
    let small: JSONObject = ["e": "AQAB", "kty": "RSA", "n": .string("w" + letters(169) + "w")]
    #expect(
      try fault(.object(small), thumbprint: Thumbprint.digest(of: small))
        == .keyInvalid(.material(.modulusSize(bits: 1024))))
  }

  @Test("The thumbprint of a key as it is written is that of the key (RFC 7638)", arguments: DPoPProof.algorithms)
  func thumbprints(algorithm: SignatureAlgorithm) throws {
    let key = try #require(try Issuer.shared.get().publicKey(algorithm))
    let jwk = try #require(key.jwk(["kid": "x"]).object)
    #expect(try Thumbprint.digest(of: jwk).map { Base64URL.text($0) } == (try Thumbprint.of(key)))
  }

  @Test("§4.3 (11): leeway counts on both sides, of `iat` and of `exp`")
  func times() throws {
    let maker = try ProofMaker()
    let proof = try maker.proof()
    for (offset, fault) in [(-11, DPoPProofError.notYetValid), (-10, nil), (69, nil), (70, .expired)] {
      let check = ProofCheck(now: Issuer.now + Int64(offset), leewaySeconds: 10)
      #expect(try check.fault(proof, boundTo: maker.key.publicKey) == fault, "\(offset)")
    }
    let short = try maker.with(claims: ["exp": .integer(Issuer.now + 5)]).proof()
    for (offset, fault) in [(14, nil), (15, DPoPProofError.expired)] {
      let check = ProofCheck(now: Issuer.now + Int64(offset), leewaySeconds: 10)
      #expect(try check.fault(short, boundTo: maker.key.publicKey) == fault, "\(offset)")
    }
  }

  @Test("A proof could come again for two minutes, whatever the leeway is now, and whatever its `exp` says")
  func replays() throws {
    let maker = try ProofMaker()
    for maker in [maker, maker.with(claims: ["exp": .integer(Issuer.now + 5)])] {
      let proof = try maker.proof()
      for leeway in [0, 10, TokenPolicy.leewayMaxSeconds] {
        let verified = try ProofCheck(leewaySeconds: leeway)(proof, boundTo: maker.key.publicKey).get()
        #expect(verified.replayableUntil == Issuer.now + 120)
      }
    }
    let latest = ProofCheck(now: Issuer.now + 119, leewaySeconds: TokenPolicy.leewayMaxSeconds)
    #expect(try latest.fault(maker) == nil)
    let over = ProofCheck(now: Issuer.now + 120, leewaySeconds: TokenPolicy.leewayMaxSeconds)
    #expect(try over.fault(maker) == .expired)
  }

  @Test("What was verified once leaves no key behind; what stays the same is kept")
  func preparations() throws {
    let verifier = SignatureVerifier()
    let maker = try ProofMaker()
    let key = maker.key.publicKey
    let message: [UInt8] = [1, 2, 3]
    let signature = try maker.key.sign(message.span, .ecdsa(.sha256))
    for (preparation, kept) in [(SignatureVerifier.Preparation.once, 0), (.kept, 1), (.once, 1)] {
      let isValid = try verifier.isValid(
        signature.span, over: message.span, .ecdsa(.sha256), key: key, preparation: preparation)
      #expect(isValid)
      #expect(verifier.preparedKeys == kept)
    }
  }

  @Test("Faults have reasons: none, or a bad one")
  func reasons() {
    #expect(DPoPProofError.missing.reason == .proofMissing)
    #expect(DPoPProofError.repeated(fieldLines: 2).reason == .proofInvalid)
    #expect(DPoPProofError.signatureInvalid.reason == .proofInvalid)
    #expect(DPoPProofError.crypto(.failed("EVP_Digest")).reason == .internalError)
  }

}

private func letters(_ count: Int) -> String { String(repeating: "k", count: count) }
