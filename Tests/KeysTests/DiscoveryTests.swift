import Testing

@testable import Keys

@Suite("Discovery documents")
struct DiscoveryTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    let text: String
    var address: String?
    var fault = ""
    var testDescription: String { rule }
  }

  static let rows = [
    Row(
      rule: "honest", text: #"{"issuer":"https://idp.example","jwks_uri":"https://idp.example/keys","x":[]}"#,
      address: "https://idp.example/keys"),
    other("K-7 another issuer", "https://evil.example"), other("K-7 a slash more", "https://idp.example/"),
    other("K-7 case", "https://IDP.example"), other("K-7 a prefix", "https://idp.exampl"),
    other("K-7 a space more", "https://idp.example "), other("K-7 empty", ""),
    Row(
      rule: "scheme in capitals", text: #"{"issuer":"https://idp.example","jwks_uri":"HTTPS://keys.example/"}"#,
      address: "HTTPS://keys.example/"),
    Row(
      rule: "K-1 keys in plain text", text: #"{"issuer":"https://idp.example","jwks_uri":"http://127.0.0.1/keys"}"#,
      fault: "keys at \"http://127.0.0.1/keys\", which is not https"),
    Row(
      rule: "K-1 keys in a file", text: #"{"issuer":"https://idp.example","jwks_uri":"file:///keys"}"#,
      fault: "keys at \"file:///keys\", which is not https"),
    Row(rule: "an address of 2,048 bytes", text: lengthy(2048).text, address: lengthy(2048).address),
    Row(
      rule: "an address of 2,049 bytes", text: lengthy(2049).text,
      fault: "keys at an address of 2049 bytes; at most 2048 are accepted"),
    Row(
      rule: "an address of 2,049 bytes in plain text", text: lengthy(2049, scheme: "http://").text,
      fault: "keys at an address of 2049 bytes; at most 2048 are accepted"),
    malformed("K-7 no issuer", #"{"jwks_uri":"https://idp.example/keys"}"#),
    malformed("K-7 a list of issuers", #"{"issuer":["https://idp.example"],"jwks_uri":"https://x/"}"#),
    malformed("K-7 issuer twice", #"{"issuer":"https://x","issuer":"https://idp.example","jwks_uri":"https://x/"}"#),
    malformed("no keys", #"{"issuer":"https://idp.example"}"#),
    malformed("keys' address no string", #"{"issuer":"https://idp.example","jwks_uri":7}"#),
    malformed("K-5 HTML", "<html></html>"), malformed("K-5 empty", ""), malformed("a list", "[]"),
  ]

  @Test("K-7: whose document it is", arguments: rows)
  func document(row: Row) {
    do throws(KeyFault) {
      let document = try DiscoveryDocument(Array(row.text.utf8).span, issuer: "https://idp.example")
      #expect(document.keySetAddress == row.address)
    } catch {
      #expect(row.address == nil)
      #expect(error.description.contains(row.fault))
    }
  }

  @Test(
    "OpenID Connect Discovery §4: where the document is",
    arguments: [
      ("https://idp.example", "https://idp.example/.well-known/openid-configuration"),
      ("https://idp.example/", "https://idp.example/.well-known/openid-configuration"),
      ("https://idp.example/realms/a", "https://idp.example/realms/a/.well-known/openid-configuration"),
    ])
  func address(issuer: String, address: String) {
    #expect(DiscoveryDocument.address(of: issuer) == address)
  }

  /// Keys at an address of so many bytes.
  private static func lengthy(_ count: Int, scheme: String = "https://") -> (text: String, address: String) {
    let address = scheme + "idp.example/" + String(repeating: "k", count: count - scheme.utf8.count - 12)
    return (#"{"issuer":"https://idp.example","jwks_uri":"\#(address)"}"#, address)
  }

  private static func other(_ rule: String, _ issuer: String) -> Row {
    Row(
      rule: rule, text: #"{"issuer":"\#(issuer)","jwks_uri":"https://idp.example/keys"}"#,
      fault: "for the issuer \"\(issuer)\"")
  }

  private static func malformed(_ rule: String, _ text: String) -> Row {
    Row(rule: rule, text: text, fault: "no discovery document")
  }
}
