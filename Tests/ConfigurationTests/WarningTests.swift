import Access
import TestSupport
import Testing

@testable import Configuration

@Suite("What is allowed, and probably not meant, as it is written")
struct WarningTests {
  @Test(
    "Parameters as other programs write them",
    arguments: [
      ("/users/:id", ":id", "{id}", "%3Aid"), ("/users/:user-id/x", ":user-id", "{user_id}", "%3Auser-id"),
      ("/files/:path+", ":path+", "**", "%3Apath+"), ("/users/[id]", "[id]", "{id}", "%5Bid%5D"),
      ("/[...slug]", "[...slug]", "**", "%5B...slug%5D"), ("/[[...slug]]", "[[...slug]]", "**", "%5B%5B...slug%5D%5D"),
      ("/{a}/:b/:c", ":b", "{b}", "%3Ab"),
      // The rest of a path stands at its end alone.
      ("/[...slug]/edit", "[...slug]", "{slug}", "%5B...slug%5D"), ("/:path+/x", ":path+", "{path}", "%3Apath+"),
    ])
  func foreign(path: String, written: String, meant: String, literal: String) throws {
    let found = try #require(ForeignParameter.first(in: path))
    #expect((found.written, found.meant, found.literal) == (written, meant, literal))
    // The same route is written without a warning.
    #expect(ForeignParameter.first(in: path.replacing(written, with: literal))?.written != written)
    #expect(try PathPattern("/\(written)") == PathPattern("/\(literal)"))
  }

  @Test(
    "What is written so on purpose",
    arguments: [
      "/", "/**", "/users/{id}/*", "/public/things:purge", "/:", "/:80", "/a:b", "/odata/$metadata", "/$export", "/$id",
      "/[", "/[]", "/[1]", "/[a.b]", "/%3Aid", "/%5Bid%5D", "/%24id", "/@name", "/(group)",
    ])
  func literal(path: String) {
    #expect(ForeignParameter.first(in: path) == nil)
  }

  @Test("Each at its place, with what would be right")
  func reviewed() throws {
    var sample = Sample()
    sample.routes = """
      routes:
        - { path: "/users/:id", auth: local, upstream: echo }
        - { path: "/posts/[id]/**", auth: local, upstream: echo }
        - { path: "/items/%24id", auth: local, upstream: echo }
        - { path: "/:id", auth: local, upstream: echo }

      """
    let configuration = try configuration(sample.text)
    let warnings = RouteReview(configuration).warnings
    #expect(warnings == configuration.warnings && warnings.count == 3)
    #expect(warnings.map { $0.position?.line } == [11, 12, 14])
    #expect(warnings.map { $0.position?.column } == [13, 13, 13])
    #expect(
      warnings.first?.message
        == #"":id" matches nothing but itself; for any segment write "{id}", and where it is meant as it stands "%3Aid""#
    )
  }

  @Test("No more than 500 are told")
  func bounded() throws {
    var sample = Sample()
    sample.routes =
      "routes:\n" + (0..<600).map { "  - { path: \"/r\($0)/:id\", auth: local, upstream: echo }\n" }.joined()
    let warnings = RouteReview(try configuration(sample.text)).warnings
    #expect(warnings.count == 501 && warnings.last?.message.hasPrefix("there are more") == true)
  }

  private static let people = """
    users:
      - { id: u-1, username: alice, password_hash: "\(UsersFileTests.hash)" }

    """

  private func warnings(_ more: String, issuer: String = "http://127.0.0.1:8080") throws
    -> [String]
  {
    let folder = try TemporaryFolder()
    let file = try folder.write("users.yaml", Self.people)
    var sample = Sample()
    sample.providers = """
      providers:
        local:
          issuer: \(issuer)
          audiences: [example]
          signing: { state: state }
          sign_in: { users_file: \(file) }
          \(more)

      """
    return try configuration(sample.text).warnings.map(\.description)
  }

  @Test("anonymous: allow beside require lets nobody pass")
  func anonymous() throws {
    let route = "auth: local\n    anonymous: allow"
    #expect(try configuration(Sample.route(route).text).warnings.isEmpty)
    #expect(
      try configuration(Sample.route("\(route)\n    require: { roles: [a] }").text).warnings.map(\.description) == [
        "gateway.conf:14:5: anonymous: allow with \"require\", which nobody without a token meets: they are refused; "
          + "leave one of the two out"
      ])
  }

  @Test(
    "An algorithm that is named twice",
    arguments: [
      ("[EdDSA, Ed25519]", [#"8:25: "Ed25519" and "EdDSA" are one algorithm; leave one of the two out"#]),
      ("[ES256, RS256, ES256]", [#"8:32: "ES256" is named twice"#]), ("[ES256, EdDSA]", []),
    ])
  func algorithms(written: String, warnings: [String]) throws {
    let found = try configuration(Sample.provider("algorithms: \(written)").text).warnings.map(\.description)
    #expect(found == warnings.map { "gateway.conf:" + $0 })
  }

  @Test("Tokens of sign_in that would be refused")
  func ownTokens() throws {
    for good in [
      "leeway: 0s", "token_from: [authorization, cookie]", "token_from: cookie:portcullis_access",
      "require: { typ: at+jwt }", "require: { typ: application/AT+JWT }",
    ] {
      #expect(try warnings(good) == [], "\(good)")
    }
    #expect(try warnings("token_from: cookie:__Host-portcullis_access", issuer: "https://app.example") == [])
    // For those who have their tokens from the response.
    #expect(try warnings("token_from: [authorization]") == [])
    #expect(
      try warnings("token_from: cookie:session") == [
        #"gateway.conf:9:17: "token_from" without "cookie", where browsers have the token of sign_in: whoever signs in "#
          + #"there is refused afterwards; add "cookie""#
      ])
    #expect(try warnings("token_from: cookie:portcullis_access", issuer: "https://app.example").count == 1)
    #expect(
      try warnings("require: { typ: JWT }") == [
        #"gateway.conf:9:21: "JWT" is not the type of the tokens of sign_in: nobody can sign in; write "at+jwt", "#
          + #"or leave "typ" out"#
      ])
    #expect(try warnings("try: { require: { typ: JWT } }").count == 1)
  }
}
