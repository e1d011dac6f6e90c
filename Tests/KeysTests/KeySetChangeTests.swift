import Testing
import Tokens

@testable import Keys

@Suite("Which keys came and which went")
struct KeySetChangeTests {
  private static func set(_ keys: [(key: IssuerKey, keyID: String?)]) throws -> KeySet {
    let texts = keys.map { UnusedKeysTests.jwk($0.key, $0.keyID) }
    return try KeySet.parse(jwks: Array(#"{"keys":[\#(texts.joined(separator: ","))]}"#.utf8).span)
  }

  @Test("Of the first set all came; of an equal one in another order nothing")
  func firstAndEqual() throws {
    let (one, two) = (try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey())
    let set = try KeySetChangeTests.set([(one, "a"), (two, nil)])
    let first = KeySetChange(from: nil, to: set)
    #expect(first.added == #""a", one without kid"# && first.removed == nil)
    let same = KeySetChange(from: set, to: try KeySetChangeTests.set([(two, nil), (one, "a")]))
    #expect(same.added == nil && same.removed == nil)
  }

  @Test("One in another's place, also under its name, and one under another name")
  func replaced() throws {
    let (one, two) = (try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey())
    let before = try KeySetChangeTests.set([(one, "a")])
    for (key, name) in [(two, "b"), (two, "a"), (one, "b")] {
      let change = KeySetChange(from: before, to: try KeySetChangeTests.set([(key, name)]))
      #expect(change.added == "\"\(name)\"" && change.removed == #""a""#)
    }
  }

  @Test("Five are named, of the others their number; long names are cut, hostile ones are on one line")
  func bounds() throws {
    let key = try RemoteKeysTests.issuerKey()
    let names = [String(repeating: "x", count: 256), "a\\nb"] + (0..<98).map { "key-\($0)" }
    let change = KeySetChange(from: nil, to: try KeySetChangeTests.set(names.map { (key, $0) }))
    let added = try #require(change.added)
    #expect(added.utf8.count < 300 && added.hasSuffix(#""key-2" and 95 more"#))
    #expect(added.contains(#""a\nb""#) && !added.contains("\n"))
  }
}
