import JSON
import Testing

@testable import SignIn

@Suite("What routes are told of a session")
struct SessionClaimsTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let claims: JSONObject
    let userinfo: JSONObject
    let told: JSONObject

    init(_ claims: JSONObject, _ userinfo: JSONObject, _ told: JSONObject) {
      (self.claims, self.userinfo, self.told) = (claims, userinfo, told)
    }

    var testDescription: String { "\(claims.members.map(\.name)) and \(userinfo.members.map(\.name))" }
  }

  private static let mine = JSONValue.string("me@corp.example")
  private static let another = JSONValue.string("admin@corp.example")
  private static let (yes, no) = (JSONValue.bool(true), JSONValue.bool(false))

  private static let rows: [Row] = [
    // Each source alone.
    Row(["email": mine, "email_verified": yes], [:], ["email": mine, "email_verified": yes]),
    Row([:], ["email": mine, "email_verified": yes], ["email": mine, "email_verified": yes]),
    Row([:], ["email": mine], ["email": mine]),
    Row(["email_verified": yes], [:], ["email_verified": yes]),
    // An address of userinfo is as good as userinfo says.
    Row(
      ["email_verified": yes], ["email": another, "email_verified": no], ["email": another, "email_verified": no]),
    Row(["email_verified": yes], ["email": another], ["email": another]),
    Row(["email_verified": no], ["email": mine, "email_verified": yes], ["email": mine, "email_verified": yes]),
    Row(["email_verified": yes], ["email": .null, "email_verified": yes], ["email": .null]),
    // The ID token's address is as good as the ID token says, or userinfo says of the same one.
    Row(["email": mine], ["email": another, "email_verified": yes], ["email": mine]),
    Row(["email": mine], ["email_verified": yes], ["email": mine]),
    Row(["email": mine], ["email": mine, "email_verified": yes], ["email": mine, "email_verified": yes]),
    Row(
      ["email": mine, "email_verified": no], ["email": mine, "email_verified": yes],
      ["email": mine, "email_verified": no]),
    Row(["email": .null], ["email": another, "email_verified": yes], ["email": .null]),
    // So is a telephone number.
    Row(["phone_number_verified": yes], ["phone_number": .string("+1")], ["phone_number": .string("+1")]),
    Row(
      ["email": mine, "phone_number_verified": yes],
      ["phone_number": .string("+1"), "phone_number_verified": no, "email_verified": yes],
      ["email": mine, "phone_number": .string("+1"), "phone_number_verified": no]),
    // Everything else is added, and changed nowhere.
    Row(["groups": mine], ["groups": another, "name": another, "acr": another], ["groups": mine, "name": another]),
  ]

  @Test("I-9: an address comes with what its own source says of it, at the sign-in and at a renewal", arguments: rows)
  func pairs(row: Row) throws {
    for before in [nil, Array(#"{"email_verified":true,"phone_number_verified":true}"#.utf8)] {
      let made = SessionClaims.make(row.claims, userinfo: row.userinfo, id: "s", expiresAt: 9, before: before)
      let members = try #require(try JSON.parse(made.span).object).members.filter { !["sid", "exp"].contains($0.name) }
      #expect(
        members.sorted { $0.name < $1.name } == row.told.members.sorted { $0.name < $1.name },
        "\(String(decoding: made, as: UTF8.self))")
    }
  }
}
