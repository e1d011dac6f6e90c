import Reason
import Testing
import Tokens

@testable import Proxy

@Suite("A made-up secret is looked for before each start")
struct SecretLeakTestTests {
  @Test("L-2: it shows in no answer, no access line and no memory of refusals")
  func nothing() { #expect(SecretLeakTest.leak { _, _ in [] } == nil) }

  @Test("L-2: where something shows it, that is told")
  func leaks() {
    let found = SecretLeakTest.leak { token, _ in
      [.init(place: "here", "refused"), .init(place: "there", "refused: \(String(decoding: token, as: UTF8.self))")]
    }
    #expect(found == "there")
  }

  @Test("L-2: parts of a token are enough")
  func parts() {
    var seen: Set<String> = []
    let found = SecretLeakTest.leak { token, error in
      seen.insert(error.reason.rawValue)
      let last = token.split(separator: UInt8(ascii: ".")).dropFirst().last ?? []
      return [.init(place: "the signature", "x\(String(decoding: last, as: UTF8.self))y")]
    }
    #expect(found == "the signature")
    // One that is no token has no parts, so it came to a second kind of refusal.
    #expect(seen.contains("token_malformed") && seen.count == 2)
  }

  @Test("What is said of each kind of refusal is asked for")
  func reasons() {
    var seen: Set<String> = []
    _ = SecretLeakTest.leak { _, error in
      seen.insert(error.reason.rawValue)
      return [.init(place: "a message", "\(error)")]
    }
    #expect(seen == ["token_malformed", "audience_mismatch", "signature_invalid"])
  }
}
