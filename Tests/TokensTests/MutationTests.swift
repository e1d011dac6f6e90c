import Crypto
import Reason
import TestSupport
import Testing

@testable import Tokens

/// Deterministic: the same changes on every run.
@Suite("Changed and random tokens")
struct MutationTests {
  @Test("No change of one byte, cut or doubling of a token is accepted", arguments: SignatureAlgorithm.allCases)
  func changes(algorithm: SignatureAlgorithm) throws {
    let issuer = try Issuer.shared.get()
    let keys = algorithm.isSymmetric ? issuer.secretKeySet : issuer.keySet
    let token = try issuer.token(algorithm, payload: #"{"iss":"\#(Issuer.name)","aud":"api","exp":1750000600}"#)
    let verifier = TokenVerifier(TokenPolicy(provider: "idp", issuer: Issuer.name, audiences: .oneOf(["api"])))
    let signatures = SignatureVerifier()
    var tried = 0
    var accepted: [String] = []
    func refuse(_ changed: [UInt8]) {
      tried += 1
      do throws(TokenError) {
        _ = try verifier.verify(changed.span, keys: keys, now: Issuer.now, using: signatures)
        accepted.append(String(decoding: changed, as: UTF8.self))
      } catch {
        // Whatever the fault: none of them may be taken for missing keys, which is the gateway's.
        if error.reason.status != 401 { accepted.append("\(error)") }
      }
    }
    for place in token.indices {
      var changed = token
      // The lowest bit may be unused in base64url; 5 changes the case; the others take turns.
      for bit in [0, 5, [1, 2, 3, 4, 6, 7][place % 6]] {
        changed[place] = token[place] ^ 1 << bit
        refuse(changed)
      }
      changed[place] = token[place] == UInt8(ascii: ".") ? UInt8(ascii: "=") : UInt8(ascii: ".")
      refuse(changed)
      refuse(Array(token[..<place]))
      refuse(Array(token[(place + 1)...]))
      refuse(Array(token[..<place] + token[(place + 1)...]))
      // Two dots in a row are one part more; any other byte twice is a longer part.
      refuse(Array(token[...place] + token[place...]))
    }
    #expect(accepted.isEmpty)
    #expect(tried == 8 * token.count)
    #expect(Check().fault(token, keys) == nil)
  }

  /// A member's text, and whether a token with it is good.
  private typealias Choice = (text: String, isGood: Bool)

  @Test("Random headers are accepted exactly where every member is good")
  func headers() throws {
    let choices: [(name: String, isNeeded: Bool, values: [Choice])] = [
      (
        "alg", true,
        [(#""ES256""#, true), (#""ES256""#, true), (#""none""#, false), ("1", false), (#""HS256""#, false)]
      ),
      ("kid", false, [(#""es256""#, true), (#""rs256""#, false), ("null", false), (#""x""#, false)]),
      ("typ", false, [(#""JWT""#, true), (#""at+jwt""#, true), (#""x""#, false), ("{}", false)]),
      ("crit", false, [(#"["b64"]"#, false)]), ("cty", false, [(#""JWT""#, false)]), ("b64", false, [("true", false)]),
      ("jwk", false, [("{}", true)]),
      ("x", false, [(#"[{"a":[1e9]}]"#, true), (#"{"a":1,"a":1}"#, false), ("01", false)]),
    ]
    try check(choices) { issuer, text in try issuer.sign(header: text) }
  }

  @Test("Random claims are accepted exactly where every member is good")
  func claims() throws {
    let name = "\"\(Issuer.name)\""
    let choices: [(name: String, isNeeded: Bool, values: [Choice])] = [
      ("iss", true, [(name, true), (name, true), (#""x""#, false), ("null", false)]),
      ("aud", true, [(#""api""#, true), (#"["x","api"]"#, true), ("[]", false), ("{}", false)]),
      (
        "exp", true,
        [("1750000001", true), ("1e10", true), ("1749999999", false), (#""1e10""#, false), ("1e999", false)]
      ),
      ("nbf", false, [("-1", true), ("1750000000", true), ("1e10", false), ("[]", false)]),
      ("iat", false, [("0.5", true), ("1750000001", false), ("true", false)]),
      ("sub", false, [(#""alice""#, true), (#""\u0000""#, true), ("7", false)]),
      ("x", false, [(#"[{"a":[null]}]"#, true), (#"{"a":1,"\u0061":1}"#, false), ("tru", false)]),
    ]
    try check(choices) { issuer, text in try issuer.token(payload: text) }
  }

  private func check(
    _ choices: [(name: String, isNeeded: Bool, values: [Choice])], _ sign: (Issuer, String) throws -> [UInt8]
  ) throws {
    let issuer = try Issuer.shared.get()
    var generator = SeededGenerator(seed: 7)
    var accepted = 0
    for _ in 0..<1500 {
      var members: [String] = []
      var names: Set<String> = []
      var isGood = true
      for choice in choices.shuffled(using: &generator) {
        guard Int.random(in: 0..<10, using: &generator) < (choice.isNeeded ? 9 : 3),
          // Good ones are taken more often: else nothing would be accepted.
          let value = (Bool.random(using: &generator) ? choice.values.first : nil)
            ?? choice.values.randomElement(using: &generator)
        else { continue }
        members.append(#""\#(choice.name)":\#(value.text)"#)
        names.insert(choice.name)
        isGood = isGood && value.isGood
      }
      if Int.random(in: 0..<20, using: &generator) == 0, let member = members.randomElement(using: &generator) {
        members.append(member)
        isGood = false
      }
      isGood = isGood && choices.allSatisfy { !$0.isNeeded || names.contains($0.name) }
      let text = "{" + members.joined(separator: ",") + "}"
      let fault = Check().fault(try sign(issuer, text), issuer.keySet)
      #expect((fault == nil) == isGood, "\(text)")
      accepted += isGood ? 1 : 0
    }
    #expect(accepted > 50)
  }
}
