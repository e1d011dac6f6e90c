import Crypto
import Testing

@testable import Tokens

@Suite("Revocations")
struct RevocationsTests {
  private static func of(_ entries: [(Revocations.Kind, String, String?)]) -> Revocations {
    var revocations = Revocations()
    for (kind, value, provider) in entries { revocations.insert(kind, value.utf8Span.span, provider: provider) }
    return revocations
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var provider = "company"
    var jti: String?
    var subject: String?
    var keyID: String?
    var kind: Revocations.Kind?
    var testDescription: String { "\(provider) \(jti ?? "-") \(subject ?? "-") \(keyID ?? "-")" }
  }

  @Test(
    "T-16: a token is revoked by its id, its subject or its key, of its provider or of all",
    arguments: [
      Row(), Row(jti: "j1", kind: .tokenID), Row(subject: "alice", kind: .subject), Row(keyID: "k1", kind: .keyID),
      Row(jti: "j1", subject: "alice", keyID: "k1", kind: .tokenID), Row(jti: "x", keyID: "k1", kind: .keyID),
      // Each kind is another name space.
      Row(jti: "alice", subject: "k1", keyID: "j1"),
      // Of one provider alone.
      Row(jti: "j2", kind: .tokenID), Row(provider: "other", jti: "j2"), Row(provider: "compan", jti: "j2"),
      Row(provider: "other", subject: "bob", kind: .subject), Row(subject: "bob"),
      Row(provider: "third", jti: "j1", kind: .tokenID),
      // Whole values, byte for byte.
      Row(jti: "j"), Row(jti: "j11"), Row(jti: "J1"), Row(jti: ""), Row(jti: "j1 "), Row(jti: "j1\0"),
      Row(subject: "caf\u{E9}", kind: .subject), Row(subject: "cafe\u{301}"),
      Row(subject: "a b", kind: .subject), Row(subject: "a  b"),
      Row(subject: String(repeating: "x", count: 32 << 10), kind: .subject),
      Row(subject: String(repeating: "x", count: (32 << 10) + 1)),
      Row(subject: String(repeating: "x", count: 96 << 10)),
    ])
  func matching(_ row: Row) {
    let revocations = Self.of([
      (.tokenID, "j1", nil), (.subject, "alice", nil), (.keyID, "k1", nil), (.tokenID, "j2", "company"),
      (.subject, "bob", "other"), (.subject, "caf\u{E9}", nil), (.subject, "a b", nil),
      (.subject, String(repeating: "x", count: 32 << 10), nil),
    ])
    for set in [revocations, revocations.fitted()] {
      #expect(
        set.kind(revoking: row.provider, jti: row.jti, subject: row.subject, keyID: row.keyID) == row.kind)
    }
    let none = Revocations().kind(revoking: row.provider, jti: row.jti, subject: row.subject, keyID: row.keyID)
    #expect(none == nil)
  }

  @Test("T-16: values that differ in any one byte are different, at every length")
  func everyByte() {
    for length in [1, 7, 8, 9, 15, 16, 17, 36] {
      let value = [UInt8](repeating: 0x61, count: length)
      var revocations = Revocations()
      revocations.insert(.tokenID, value.span, provider: nil)
      for place in 0..<length {
        var other = value
        other[place] = 0x62
        let text = String(decoding: other, as: UTF8.self)
        #expect(revocations.kind(revoking: "p", jti: text, subject: nil, keyID: nil) == nil)
      }
      let text = String(decoding: value, as: UTF8.self)
      #expect(revocations.kind(revoking: "p", jti: text, subject: nil, keyID: nil) == .tokenID)
    }
  }

  @Test("An entry counts once, and once for each provider")
  func repeated() {
    let entries: [(Revocations.Kind, String, String?)] = [
      (.tokenID, "a", nil), (.tokenID, "a", nil), (.subject, "a", nil), (.tokenID, "a", "p"), (.tokenID, "a", "p"),
      (.tokenID, "a", "q"),
    ]
    #expect(Self.of(entries).count == 4)
    #expect(Self.of(entries + entries).countAdded(since: Self.of(entries)) == 0)
  }

  @Test("What was added is counted, whatever the order and the numbers of the providers")
  func differences() {
    let old = Self.of([(.tokenID, "a", "p"), (.tokenID, "b", "q"), (.keyID, "c", nil)])
    let new = Self.of([(.tokenID, "b", "q"), (.tokenID, "a", "p"), (.tokenID, "a", "q"), (.keyID, "d", nil)])
    #expect(new.countAdded(since: old) == 2 && old.countAdded(since: new) == 1)
    #expect(
      new.names(addedSince: old, most: 2).map(Set.init)
        == [RevokedName(.tokenID, "a"), RevokedName(.keyID, "d")])
    #expect(new.names(addedSince: old, most: 1) == nil && new.names(addedSince: new, most: 0) == [])
    #expect(new.countAdded(since: Revocations()) == 4 && Revocations().countAdded(since: new) == 0)
    let both = old.union(new)
    #expect(both.count == 5 && both.countAdded(since: old) == 2 && both.countAdded(since: new) == 1)
    #expect(both.kind(revoking: "p", jti: "b", subject: nil, keyID: nil) == nil)
    #expect(both.kind(revoking: "q", jti: "a", subject: nil, keyID: nil) == .tokenID)
    #expect(both.kind(revoking: "q", jti: nil, subject: nil, keyID: "c") == .keyID)
    #expect(Revocations().union(new).countAdded(since: new) == 0 && new.union(Revocations()).count == 4)
  }

  @Test("What a token says of itself")
  func tokens() throws {
    let revocations = Self.of([(.tokenID, "7", nil), (.subject, "alice", "company"), (.keyID, "old", nil)])
    let issuer = try Issuer.shared.get()
    let verifier = TokenVerifier(TokenPolicy(provider: "company", issuer: Issuer.name, audiences: .any))
    for (members, kind) in [
      ("\"jti\":\"7\"", Revocations.Kind.tokenID), ("\"jti\":\"\\u0037\"", .tokenID), ("\"jti\":\"8\"", nil),
      ("\"sub\":\"alice\"", .subject), ("\"sub\":\"al\\u0069ce\"", .subject), ("\"sub\":\"bob\"", nil),
    ] {
      let token = try issuer.token(payload: "{\"iss\":\"\(Issuer.name)\",\"exp\":\(Issuer.now + 60),\(members)}")
      let verified = try verifier.verify(
        token.span, keys: issuer.keySet, now: Issuer.now, using: SignatureVerifier())
      #expect(revocations.kind(revoking: verified.claims, keyID: verified.keyID) == kind, "\(members)")
      // Whoever is found by one of these names is found by each entry that revokes them.
      for name in Revocations.names(revoking: verified.claims, keyID: verified.keyID) {
        let one = Self.of([(name.kind, name.value, nil)])
        #expect(one.kind(revoking: verified.claims, keyID: verified.keyID) == name.kind)
      }
      let names = Revocations.names(revoking: verified.claims, keyID: "old")
      #expect(names.contains(RevokedName(.keyID, "old")) && names.count == 2)
    }
  }

  @Test("Many entries stay within three times their text, and all are found")
  func many() {
    let count = 200_000
    var revocations = Revocations()
    for number in 0..<count { revocations.insert(.tokenID, "\(number)".utf8Span.span, provider: nil) }
    let fitted = revocations.fitted()
    #expect(fitted.count == count)
    let textBytes = (0..<count).reduce(0) { $0 + "jti \($1)\n".utf8.count }
    #expect(fitted.bytesHeld <= 3 * textBytes, "\(fitted.bytesHeld) of \(textBytes)")
    for number in stride(from: 0, to: count, by: 997) {
      #expect(fitted.kind(revoking: "p", jti: "\(number)", subject: nil, keyID: nil) == .tokenID)
      #expect(fitted.kind(revoking: "p", jti: "\(number + count)", subject: nil, keyID: nil) == nil)
    }
    // No slot is far from where its search begins.
    #expect(fitted.probesMax < 500, "\(fitted.probesMax)")
  }

  @Test("A long list joins a short one, and one that has all but one of its entries, in short ways")
  func joining() {
    let count = 200_000
    var long = Revocations()
    for number in 0..<count { long.insert(.tokenID, "\(number)".utf8Span.span, provider: nil) }
    long = long.fitted()
    for (short, sum) in [
      (Self.of([(.tokenID, "gone", nil)]), count + 1), (Self.of([(.tokenID, "1", nil)]), count),
      (Self.of((0..<1000).map { (.subject, "\($0)", "p") }), count + 1000),
    ] {
      let both = short.fitted().union(long)
      #expect(both.count == sum && both.countAdded(since: long) == sum - count && short.countAdded(since: both) == 0)
      // It had room for both from the beginning, and has not doubled on the way, when entries would have crowded.
      #expect(both.bytesHeld <= short.fitted().bytesHeld + long.bytesHeld, "\(both.bytesHeld)")
      #expect(both.probesMax < 1000, "\(both.probesMax)")
      #expect(both.kind(revoking: "p", jti: "\(count - 1)", subject: nil, keyID: nil) == .tokenID)
    }
  }
}
