import HTTP
import Testing

@Suite("Field names")
struct FieldNameTests {
  /// Whether a set of `names` holds `name`, as a field line of a request.
  private func isHeld(_ name: String, by names: [String]) throws -> Bool {
    let (head, bytes) = try requestHead("GET / HTTP/1.1\r\nHost: a\r\n\(name): x\r\n\r\n")
    return FieldNameSet(names).contains(bytes.span, head.fields[1])
  }

  @Test(
    "I-2: case, and all but letters and digits, make no difference",
    arguments: [
      "X-Auth-User", "x-auth-user", "X_Auth_User", "X.Auth.User", "X-AUTH_user", "x!auth~user", "X|Auth^User",
      "x'auth`user",
    ])
  func alike(name: String) throws {
    let held = try isHeld(name, by: ["Forwarded", "X-Auth-User", "x_auth_user"])
    #expect(held)
  }

  @Test(
    "I-2: other names are not held", arguments: ["X-Auth-Use", "X-Auth-User-", "XAuth-User", "X-Auth-Us3r", "Y", "-"])
  func different(name: String) throws {
    let held = try isHeld(name, by: ["Forwarded", "X-Auth-User"])
    #expect(!held)
    let heldByNone = try isHeld(name, by: [])
    #expect(!heldByNone)
  }

  @Test(
    "I-1: a set may hold every name that begins alike",
    arguments: [
      ("X-Forwarded-", true), ("x_forwarded.Anything", true), ("X-Forwarded", false), ("XX-Forwarded-A", false),
    ])
  func beginnings(name: String, isHeld: Bool) throws {
    let (head, bytes) = try requestHead("GET / HTTP/1.1\r\nHost: a\r\n\(name): x\r\n\r\n")
    let held = FieldNameSet(["Forwarded"], prefixes: ["X-Forwarded-"]).contains(bytes.span, head.fields[1])
    #expect(held == isHeld)
  }

  @Test("Many names: each is found, and no other")
  func many() throws {
    let names = (0..<500).map { "X-Name-\($0)" }
    for index in stride(from: 0, to: 1000, by: 7) {
      let held = try isHeld("x_name_\(index)", by: names)
      #expect(held == (index < 500))
    }
  }

  @Test(
    "Known names are known in any case, and hop-by-hop ones are told (RFC 9110 §7.6.1)",
    arguments: [
      ("TE", KnownField.te, true), ("date", .date, false), ("Cookie", .cookie, false), ("ServeR", .server, false),
      ("accept", .accept, false), ("origin", .origin, false), ("Trailer", .trailer, true), ("Upgrade", .upgrade, true),
      ("location", .location, false), ("Connection", .connection, true), ("Keep-Alive", .keepAlive, true),
      ("Set-Cookie", .setCookie, false), ("content-type", .contentType, false),
      ("Authorization", .authorization, false),
      ("HTTP2-Settings", .http2Settings, true), ("Proxy-Connection", .proxyConnection, true),
      ("WWW-Authenticate", .wwwAuthenticate, false), ("Proxy-Authenticate", .proxyAuthenticate, true),
      ("Proxy-Authorization", .proxyAuthorization, true), ("T", .other, false), ("Cookies", .other, false),
      ("Cookie2", .other, false), ("Keep_Alive", .other, false), ("X-Authorizations-XXXXXXXXXXXX", .other, false),
    ])
  func known(name: String, field: KnownField, isHopByHop: Bool) throws {
    let (head, _) = try requestHead("GET / HTTP/1.1\r\nHost: a\r\n\(name): x\r\n\r\n")
    #expect(head.fields[0].known == .host)
    #expect(head.fields[1].known == field)
    #expect(field.isHopByHop == isHopByHop)
  }
}
