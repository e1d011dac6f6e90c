import Testing

@testable import Tokens

@Suite("What a token is bound to")
struct TokenConfirmationTests {
  static let thumbprint: [UInt8] = (0..<32).map { $0 &* 5 &+ 3 }
  static let text = Base64URL.text(thumbprint)

  struct Row: Sendable, CustomTestStringConvertible {
    let claim: String
    let confirmation: TokenConfirmation
    var testDescription: String { "\(claim): \(confirmation)" }
  }

  static let rows = [
    Row(claim: "", confirmation: .unbound),
    Row(claim: #","cnf":{"jkt":"\#(text)"}"#, confirmation: .key(thumbprint: thumbprint)),
    Row(claim: #","cnf":{"x5t#S256":"\#(text)"}"#, confirmation: .certificate(thumbprint: thumbprint)),
    Row(claim: #","cnf":{"jkt":"\#(text)","x5t#S256":"\#(text)"}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jkt":"\#(text)","kid":"x"}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jwk":{"kty":"EC"}}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"kid":"x"}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"x5t":"\#(text)"}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"JKT":"\#(text)"}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{}"#, confirmation: .unsupported),
    Row(claim: #","cnf":null"#, confirmation: .unsupported),
    Row(claim: #","cnf":[]"#, confirmation: .unsupported),
    Row(claim: #","cnf":"\#(text)""#, confirmation: .unsupported),
    Row(claim: #","cnf":7"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jkt":null}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jkt":["\#(text)"]}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jkt":""}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jkt":"\#(text)="}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jkt":"\#(text.dropLast())"}"#, confirmation: .unsupported),
    Row(claim: #","cnf":{"jkt":"\#(text)AA"}"#, confirmation: .unsupported),
    Row(claim: #","CNF":{"jkt":"\#(text)"}"#, confirmation: .unbound),
  ]

  @Test("RFC 7800 §3: one confirmation that is checked here, or none is believed", arguments: rows)
  func confirmations(_ row: Row) throws {
    let issuer = try Issuer.shared.get()
    let token = try Check()(issuer.token(payload: Issuer.claims(row.claim)), issuer.keySet).get()
    #expect(token.claims.confirmation == row.confirmation)
  }

  @Test("RFC 8705 §3: the certificate that was shown is the one, where the token is bound to one")
  func certificates() {
    let bound = TokenConfirmation.certificate(thumbprint: Self.thumbprint)
    #expect(bound.allows(certificate: Self.thumbprint))
    #expect(!bound.allows(certificate: nil))
    #expect(!bound.allows(certificate: []))
    #expect(!bound.allows(certificate: Self.thumbprint.dropLast()))
    #expect(!bound.allows(certificate: Self.thumbprint.reversed()))
    for other in [TokenConfirmation.unbound, .key(thumbprint: Self.thumbprint)] {
      #expect(other.allows(certificate: nil))
      #expect(other.allows(certificate: Self.thumbprint))
    }
  }
}
