import Crypto
import Testing

@Suite("Sealed texts")
struct SealingTests {
  private let secret: SealingSecret

  init() throws { secret = try #require(SealingSecret(try RandomBytes.make(32))) }

  @Test("What was sealed is opened, of any length", arguments: [0, 1, 15, 16, 17, 4096])
  func roundTrip(count: Int) throws {
    let text = try RandomBytes.make(count)
    let sealed = try secret.seal(text.span, as: "flow")
    #expect(sealed.count == count + 32)
    #expect(try secret.open(sealed.span, as: "flow") == text)
  }

  @Test("C-5: one bit flipped anywhere, and it is not opened")
  func flipped() throws {
    let sealed = try secret.seal(Array("state, nonce, verifier".utf8).span, as: "flow")
    for place in 0..<(sealed.count * 8) {
      var changed = sealed
      changed[place / 8] ^= 1 << UInt8(place % 8)
      #expect(try secret.open(changed.span, as: "flow") == nil)
    }
  }

  @Test("Neither is a part of it, nor one with something behind, nor one for another purpose or of another secret")
  func foreign() throws {
    let sealed = try secret.seal(Array("text".utf8).span, as: "flow")
    for count in 0..<sealed.count { #expect(try secret.open(Array(sealed[..<count]).span, as: "flow") == nil) }
    #expect(try secret.open((sealed + [0]).span, as: "flow") == nil)
    #expect(try secret.open(sealed.span, as: "session") == nil)
    #expect(try secret.open(sealed.span, as: "") == nil)
    let other = try #require(SealingSecret(try RandomBytes.make(32)))
    #expect(try other.open(sealed.span, as: "flow") == nil)
  }

  @Test("The same text is sealed otherwise each time")
  func random() throws {
    var seen: Set<[UInt8]> = []
    for _ in 0..<100 { seen.insert(try secret.seal(Array("text".utf8).span, as: "flow")) }
    #expect(seen.count == 100)
  }

  @Test("A secret has 32 bytes", arguments: [0, 16, 31, 33, 64])
  func size(count: Int) { #expect(SealingSecret([UInt8](repeating: 7, count: count)) == nil) }
}
