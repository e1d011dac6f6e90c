import JSON
import Testing

@testable import Tokens

@Suite("A selection of claims")
struct ClaimSelectionTests {
  private func text(_ claims: String, _ paths: [String]) throws -> String {
    let policy = TokenPolicy(provider: "company", issuer: "https://id.example.com", audiences: .any)
    let set = ClaimsSet(try JSONDocument(Array(claims.utf8).span), policy)
    var text: [UInt8] = []
    set.append(ClaimSelection(try paths.map { try ClaimPath($0) }), to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  @Test(
    "What is selected stands where it stood, what is not there is null, and nothing else is said",
    arguments: [
      (#"{"sub":"alice","roles":["a","b"]}"#, ["roles"], #"{"roles":["a","b"]}"#),
      (#"{"sub":"alice"}"#, ["roles", "acr"], #"{"roles":null,"acr":null}"#),
      (#"{"a":{"b":{"c":1,"d":2},"e":3}}"#, ["a.b.c", "a.e", "a.x"], #"{"a":{"b":{"c":1},"e":3,"x":null}}"#),
      (#"{"a":{"b":1,"c":2}}"#, ["a.b", "a"], #"{"a":{"b":1,"c":2}}"#),
      (#"{"a":"text"}"#, ["a.b"], #"{"a":"text"}"#),
      (#"{"a":[]}"#, ["a.b"], #"{"a":[]}"#),
      (#"{"a":{"b":{}}}"#, ["a.b", "a.b.c"], #"{"a":{"b":{}}}"#),
      (#"{"x":1}"#, [], "{}"),
      (
        #"{"a.b":1,"n":-9007199254740993,"f":1.5,"t":true,"z":null}"#, [#"a\.b"#, "n", "f", "t", "z"],
        #"{"a.b":1,"n":-9007199254740993,"f":1.5,"t":true,"z":null}"#
      ),
    ])
  func selected(claims: String, paths: [String], expected: String) throws {
    #expect(try text(claims, paths) == expected)
  }

  @Test("L-1: a text is one line of JSON, and is written as a value of it would be")
  func hostile() throws {
    for scalar in (0...0x2100).compactMap(Unicode.Scalar.init) + ["\u{FFFD}", "\u{1F600}"] {
      let value = JSONValue.object(["c": .array([.string("a\"\\\(scalar)"), .object(["\(scalar)": .number(1e300)])])])
      let json = String(decoding: value.serialized(), as: UTF8.self)
      #expect(try text(json, ["c"]) == json)
    }
  }
}
