import Testing

@testable import Tokens

@Suite("Rights, names and paths of claims")
struct RightsTests {
  struct Words: Sendable, CustomTestStringConvertible {
    let rule: String
    /// The value of the claim.
    let value: String
    let words: [String]
    var testDescription: String { rule }
  }

  static let words = [
    Words(rule: "a word", value: #""admin""#, words: ["admin"]),
    Words(rule: "words", value: #""read write""#, words: ["read", "write"]),
    Words(rule: "spaces around and between", value: #""  read   write ""#, words: ["read", "write"]),
    Words(rule: "a list", value: #"["admin","ops"]"#, words: ["admin", "ops"]),
    Words(rule: "T-17 a longer word", value: #""xadmin""#, words: ["xadmin"]),
    Words(rule: "T-17 a colon parts nothing", value: #""admin:x""#, words: ["admin:x"]),
    Words(rule: "T-17 a comma parts nothing", value: #""admin,x""#, words: ["admin,x"]),
    Words(rule: "T-17 a tab parts nothing", value: #""admin\tx""#, words: ["admin\tx"]),
    Words(rule: "T-17 a wide space parts nothing", value: "\"admin\u{2003}x\"", words: ["admin\u{2003}x"]),
    Words(rule: "T-17 a list's string is one word", value: #"["admin x"]"#, words: ["admin x"]),
    Words(rule: "T-17 an object", value: #"{"admin":1}"#, words: []),
    Words(rule: "T-17 a number", value: "1", words: []),
    Words(rule: "T-17 true", value: "true", words: []),
    Words(rule: "T-17 a list with a number", value: #"["admin",1]"#, words: []),
    Words(rule: "T-17 a list in a list", value: #"[["admin"]]"#, words: []),
    Words(rule: "nothing", value: #""""#, words: []),
    Words(rule: "an empty list", value: "[]", words: []),
  ]

  @Test("T-17: roles, scopes and permissions are whole words", arguments: words)
  func rights(row: Words) throws {
    let issuer = try Issuer.shared.get()
    let payload = Issuer.claims(#","roles":\#(row.value),"scope":\#(row.value),"permissions":\#(row.value)"#)
    let token = try Check()(issuer.token(payload: payload), issuer.keySet).get()
    #expect(token.claims.roles == row.words)
    #expect(token.claims.scopes == row.words)
    #expect(token.claims.permissions == row.words)
    for word in row.words {
      #expect(token.claims.hasRole(word) && token.claims.hasScope(word) && token.claims.hasPermission(word))
    }
    for word in ["admi", "admin ", " admin", "dmin", "x", "", "1", "ops,", "adminops"] where !row.words.contains(word) {
      #expect(!token.claims.hasRole(word) && !token.claims.hasScope(word) && !token.claims.hasPermission(word))
    }
  }

  @Test(
    "T-17: roles may be the names of an object whose members are objects, and of no other",
    arguments: [
      (#"{"admin":{"1":"acme.example"},"ops":{}}"#, ["admin", "ops"]), ("{}", []), (#"{"admin":1}"#, []),
      (#"{"admin":true}"#, []), (#"{"admin":false,"ops":{}}"#, []), (#"{"admin":null}"#, []), (#"{"admin":[]}"#, []),
    ])
  func roleNames(value: String, roles: [String]) throws {
    let issuer = try Issuer.shared.get()
    let payload = Issuer.claims(#","roles":\#(value),"scope":\#(value),"permissions":\#(value)"#)
    let claims = try Check()(issuer.token(payload: payload), issuer.keySet).get().claims
    #expect(claims.roles == roles)
    #expect(claims.hasRole("admin") == roles.contains("admin"))
    #expect(claims.scopes.isEmpty && claims.permissions.isEmpty)
    #expect(!claims.hasScope("admin") && !claims.hasPermission("admin"))
  }

  @Test("Claims are mapped by paths")
  func mapping() throws {
    let issuer = try Issuer.shared.get()
    var mapping = ClaimMapping()
    mapping.subject = try ClaimPath("user.number")
    mapping.roles = try ClaimPath("realm_access.roles")
    mapping.scopes = try ClaimPath(#"https://example\.com/scopes"#)
    let payload = Issuer.claims(
      #","user":{"number":7},"realm_access":{"roles":["a"]},"https://example.com/scopes":"s","permissions":{}"#)
    let token = try Check(claims: mapping)(issuer.token(payload: payload), issuer.keySet).get()
    #expect(token.subject == "7")
    #expect(token.claims.roles == ["a"])
    #expect(token.claims.scopes == ["s"])
    #expect(token.claims.permissions.isEmpty)
    #expect(token.claim(ClaimPath(name: "sub")) == .string("alice"))
    #expect(token.claim(ClaimPath(name: "user.number")) == nil)
    #expect(token.claim(try ClaimPath("user.number.x")) == nil)
    #expect(token.claim(try ClaimPath("user")) == .object([ClaimMember(name: "number", value: .integer(7))]))
  }

  struct Path: Sendable, CustomTestStringConvertible {
    let text: String
    /// nil: it is refused.
    let names: [String]?
    var testDescription: String { text }
  }

  static let paths = [
    Path(text: "sub", names: ["sub"]), Path(text: "a.b.c", names: ["a", "b", "c"]),
    Path(text: #"a\.b.c"#, names: ["a.b", "c"]), Path(text: #"a\\.b"#, names: [#"a\"#, "b"]),
    Path(text: "", names: nil), Path(text: ".", names: nil), Path(text: "a.", names: nil), Path(text: ".a", names: nil),
    Path(text: "a..b", names: nil), Path(text: #"a\"#, names: nil), Path(text: #"a\b"#, names: nil),
  ]

  @Test("Claim paths, and back", arguments: paths)
  func path(row: Path) throws {
    let path = try? ClaimPath(row.text)
    #expect(path?.names == row.names)
    if let path { #expect(path.description == row.text) }
  }

  @Test("iss is read unverified where it is a string, and nowhere else")
  func unverifiedIssuer() throws {
    let issuer = try Issuer.shared.get()
    let rows: [(claims: String, issuer: String?, fault: TokenError.Fault?)] = [
      (Issuer.claims, Issuer.name, nil), ("{}", nil, .issuerUnknown(found: "")),
      (#"{"iss":1}"#, nil, .issuerUnknown(found: "")), ("[]", nil, .issuerUnknown(found: "")),
    ]
    for row in rows {
      let token = try issuer.token(payload: row.claims)
      do throws(TokenError) {
        let found = try CompactToken(token.span).unverifiedIssuer()
        #expect(found == row.issuer)
      } catch {
        #expect(error.fault == row.fault)
      }
    }
  }
}
