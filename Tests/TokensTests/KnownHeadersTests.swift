import Testing

@testable import Tokens

@Suite("Headers that are known")
struct KnownHeadersTests {
  private func compact(_ header: String, _ known: KnownHeaders? = nil) throws -> (CompactToken, [UInt8]) {
    let token = try Issuer.shared.get().sign(header: header)
    return (try CompactToken(token.span, known: known), token)
  }

  private func isKnown(_ token: [UInt8], _ known: KnownHeaders) throws -> Bool {
    let text = token.prefix { $0 != UInt8(ascii: ".") }
    return known.find(Array(text).span) != nil
  }

  @Test("A header that was kept reads as it did, by its whole text and by nothing less")
  func kept() throws {
    let known = KnownHeaders()
    let (first, token) = try compact(#"{"alg":"ES256","kid":"one","typ":"JWT"}"#)
    #expect(try !isKnown(token, known))
    known.keep(first, of: token.span)
    #expect(try isKnown(token, known))
    let (again, _) = try compact(#"{"alg":"ES256","kid":"one","typ":"JWT"}"#, known)
    #expect(again.header.keyID == "one" && again.header.algorithm == .es256 && again.header.type == "JWT")
    #expect(again.payload == first.payload && again.signedCount == first.signedCount)
    for other in [#"{"alg":"ES256","kid":"two","typ":"JWT"}"#, #"{"alg":"none","kid":"one","typ":"JWT"}"#] {
      #expect(try !isKnown(try compact(other).1, known))
      let (different, _) = try compact(other, known)
      #expect(different.header.keyID != "one" || different.header.algorithm == nil)
    }
  }

  @Test("A known header makes nothing good of a token that is malformed elsewhere")
  func malformedElsewhere() throws {
    let known = KnownHeaders()
    let (good, token) = try compact(#"{"alg":"ES256","kid":"one"}"#)
    known.keep(good, of: token.span)
    for bad in [token + Array("=".utf8), token + Array(".".utf8), Array(token.prefix(good.signedCount))] {
      #expect(throws: TokenError.self) { try CompactToken(bad.span, known: known) }
    }
  }

  @Test("Few are kept, the oldest goes first, and long ones are not kept at all")
  func bounded() throws {
    let known = KnownHeaders()
    var tokens: [[UInt8]] = []
    for number in 0..<9 {
      let (made, token) = try compact(#"{"alg":"ES256","kid":"\#(number)"}"#)
      known.keep(made, of: token.span)
      known.keep(made, of: token.span)
      tokens.append(token)
    }
    #expect(try !isKnown(tokens[0], known))
    for token in tokens[1...] { #expect(try isKnown(token, known)) }
    let (long, token) = try compact(#"{"alg":"ES256","x":"\#(String(repeating: "x", count: 2000))"}"#)
    known.keep(long, of: token.span)
    #expect(try !isKnown(token, known))
  }
  @Test("What was read is known, whatever came of its token, and drives out nothing that stood in a good one")
  func ofStrangers() throws {
    let known = KnownHeaders()
    let (good, token) = try compact(#"{"alg":"ES256","kid":"one"}"#)
    known.keep(good, of: token.span)
    var strangers: [[UInt8]] = []
    for number in 0..<9 {
      let (first, stranger) = try compact(#"{"alg":"none","kid":"\#(number)"}"#, known)
      let (again, _) = try compact(#"{"alg":"none","kid":"\#(number)"}"#, known)
      #expect(first.header.algorithm == nil && again.header.algorithm == nil)
      #expect(first.header.keyID == "\(number)" && again.header.keyID == "\(number)")
      strangers.append(stranger)
    }
    #expect(try isKnown(token, known) && !isKnown(strangers[0], known) && isKnown(strangers[8], known))
    let (_, long) = try compact(#"{"alg":"none","x":"\#(String(repeating: "x", count: 2000))"}"#, known)
    #expect(try !isKnown(long, known))
  }

  @Test("A header that is refused is refused again")
  func refusedAgain() throws {
    let known = KnownHeaders()
    let token = try Issuer.shared.get().sign(header: #"{"alg":"ES256","crit":["b64"]}"#)
    for _ in 0..<2 { #expect(throws: TokenError.self) { try CompactToken(token.span, known: known) } }
    #expect(try !isKnown(token, known))
  }
}
