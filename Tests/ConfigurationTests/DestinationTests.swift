import Access
import Testing

@testable import Configuration

private let noTarget = "is not a target; write an https or http URL, or a path: https://new.example.com{path}"
private let noPlaceholder = "is not a target: only `{path}`, at the end, can stand for a part of the request"
private let targetDocumentation =
  "An https or http URL, or a path. `{path}` at its end is the request's path, with the query: "
  + "`https://new.example.com{path}`."
private let reserved = "cannot be changed by a route; the gateway itself sets or removes it where necessary"

@Suite("Where routes lead, and what they change")
struct DestinationTests {
  private func route(_ keys: String) throws -> RouteConfiguration {
    try #require(try configuration(Sample.route("auth: none\n    " + keys, path: "\"/a/{id}/**\"").text).routes.first)
  }

  private func redirecting(_ keys: String) -> String {
    "routes:\n  - path: /a/**\n    auth: local\n    \(keys)\n"
  }

  @Test("Prefixes, templates and headers are taken over")
  func rewrites() throws {
    #expect(try route("double_slashes: keep").rewrite == nil)
    #expect(try route("strip_prefix: /a").rewrite == PathRewrite(stripping: "/a", from: "/a/{id}/**"))
    #expect(try route("rewrite: \"/v2/{id}\"").rewrite == PathRewrite("/v2/{id}", of: "/a/{id}/**"))
    let headers = try route("headers: { set: { X-Env: prod, X-Two: \"a, b\" }, remove: [X-Debug] }").headers
    #expect(
      headers
        == HeaderChanges(
          set: [.init(name: "X-Env", value: "prod"), .init(name: "X-Two", value: "a, b")], removed: ["X-Debug"]))
  }

  @Test(
    "A redirect is a target, or one with a status",
    arguments: [
      ("https://a.example", RedirectConfiguration(target: "https://a.example", path: .dropped, status: 308)),
      ("\"https://a.example{path}\"", RedirectConfiguration(target: "https://a.example", path: .appended, status: 308)),
      (
        "{ to: \"/b{path}\", status: 302 }",
        RedirectConfiguration(target: "/b", path: .appended, status: 302)
      ),
      ("http://a.example/b?c=d", RedirectConfiguration(target: "http://a.example/b?c=d", path: .dropped, status: 308)),
    ])
  func redirects(written: String, redirect: RedirectConfiguration) throws {
    var sample = Sample()
    sample.routes = redirecting("redirect: \(written)")
    #expect(try configuration(sample.text).routes.map(\.destination) == [.redirect(redirect)])
  }

  struct Row: CustomTestStringConvertible {
    let keys: String
    let faults: [String]
    var testDescription: String { keys }

    init(_ keys: String, _ faults: String...) {
      self.keys = keys
      self.faults = faults
    }
  }

  @Test(
    "C-6: what no redirect can be is refused",
    arguments: [
      Row("redirect: //a.example", "13:15: \"//a.example\" \(noTarget)"),
      Row("redirect: /\\a.example", "13:15: \"/\\a.example\" \(noTarget)"),
      Row("redirect: ftp://a", "13:15: \"ftp://a\" \(noTarget)"),
      Row("redirect: \"https://a\\r\\nX: y\"", "13:15: a string with a line break or another control character"),
      Row("redirect: \"{path}\"", "13:15: \"{path}\" \(noTarget)"),
      Row("redirect: \"https://{host}/a\"", "13:15: \"https://{host}/a\" \(noPlaceholder)"),
      Row("redirect: \"https://a{path}/b\"", "13:15: \"https://a{path}/b\" \(noPlaceholder)"),
      Row(
        "redirect: \"https://a/{path}\"",
        "13:15: \"https://a/{path}\" has a slash before `{path}`, which begins with one"),
      Row(
        "redirect: \"https://a/b?c={path}\"",
        "13:15: \"https://a/b?(hidden)\" has a query before `{path}`, which brings the request's own"),
      Row(
        "redirect: { status: 302 }",
        "13:15: \"to\" is missing. \(targetDocumentation)"),
      Row("redirect: { to: /b, status: 303 }", "13:33: \"303\" is not 301, 302, 307 or 308; did you mean \"301\"?"),
      Row(
        "redirect: /b\n    upstream: echo",
        "13:5: \"redirect\" together with \"upstream\"; a route has one or the other"),
      Row("redirect: /b\n    token: forward", "14:5: \"token\" with \"redirect\"; nothing goes to an upstream"),
      Row("redirect: /b\n    strip_prefix: /a", "14:5: \"strip_prefix\" with a \"redirect\" that has no `{path}`"),
      Row("token: remove", "11:5: the route has neither \"upstream\" nor \"redirect\""),
      Row("rediret: /b", "13:5: unknown key \"rediret\"; did you mean \"redirect\"?"),
    ])
  func badRedirects(_ row: Row) {
    var sample = Sample()
    sample.routes = redirecting(row.keys)
    #expect(faults(sample.text) == row.faults)
  }

  @Test(
    "P-2, I-1, I-2: what cannot be rewritten, set or removed is refused",
    arguments: [
      Row("strip_prefix: /b", "14:19: \"/b\" cannot be used: the route's path does not begin with it"),
      Row(
        "strip_prefix: /a\n    rewrite: /b", "15:5: \"rewrite\" together with \"strip_prefix\"; one of them is enough"),
      Row("rewrite: \"/b/{name}\"", "14:14: \"/b/{name}\" cannot be used: `{name}` is not in the route's path"),
      Row("headers: {}", "14:14: an empty mapping, which requires nothing; leave the key out"),
      Row(
        "headers: { set: { Host: a, X-Forwarded-Port: a, authorization: a, Content_Length: a } }",
        "14:23: \"Host\" \(reserved)",
        "14:32: \"X-Forwarded-Port\" \(reserved)",
        "14:53: \"authorization\" \(reserved)",
        "14:71: \"Content_Length\" \(reserved)"),
      Row(
        "headers: { remove: [Cookie] }",
        "14:25: \"Cookie\" \(reserved)"),
      Row("headers: { set: { Traceparent: a } }", "14:23: \"Traceparent\" \(reserved)"),
      Row("headers: { set: { \"X Y\": a } }", "14:23: \"X Y\" is not a header name (RFC 9110 §5.1)"),
      Row(
        "headers: { set: { X-A: \"\" } }",
        "14:28: \"\" is empty; to leave a header out write it under \"remove\""),
      Row(
        "headers: { set: { X-A: \"a\\r\\nX: y\" } }",
        "14:28: a string with a line break or another control character"),
      Row(
        "headers: { set: { X-A: é } }",
        "14:28: \"(hidden)\" is not a header value: it may contain only visible ASCII and spaces"),
      Row(
        "headers: { set: { X-A: \" a\" } }",
        "14:28: \"(hidden)\" begins or ends with a space, which would be lost on the way"),
      Row(
        "headers: { set: \"X-Api-Key: hunter2\" }",
        "14:21: expected a mapping from headers to values, found \"(hidden)\""),
      Row(
        "headers: { set: { X-A: a }, remove: [x_a] }",
        "14:42: \"x_a\" is the same header as \"X-A\" to many applications; use only one of them"),
    ])
  func badChanges(_ row: Row) {
    #expect(faults(Sample.route("auth: none\n    \(row.keys)", path: "\"/a/{id}/**\"").text) == row.faults)
  }

  @Test("I-1: an identity header of any route is set by none")
  func identityHeaders() {
    var sample = Sample()
    sample.routes = """
      routes:
        - { path: /a, auth: local, identity: { X-Tenant: tenant }, upstream: echo }
        - { path: /b, auth: none, headers: { set: { x_tenant: acme } }, upstream: echo }

      """
    #expect(
      faults(sample.text) == ["12:47: \"x_tenant\" is an identity header; only tokens decide its value"])
  }

  @Test("cors and rate_limit are taken over, with what is left out")
  func corsAndLimits() throws {
    let whole = try route(
      """
      cors:
            origins: ["https://app.example.com", "http://localhost:3000"]
            methods: [GET, PATCH]
            headers: [X-A]
            credentials: true
            max_age: 1h
          rate_limit: { by: client, rate: 10/s, burst: 20 }
      """)
    #expect(
      whole.cors
        == CORSConfiguration(
          origins: .listed(["https://app.example.com", "http://localhost:3000"]), methods: ["GET", "PATCH"],
          headers: ["X-A"], credentials: true, maxAge: .seconds(3600)))
    #expect(whole.rateLimit == RateLimit(by: .client, count: 10, periodSeconds: 1, burst: 20))
    let short = try route("cors: { origins: [\"*\"] }\n    rate_limit: { by: client, rate: 100/m }")
    #expect(
      short.cors
        == CORSConfiguration(
          origins: .any, methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
          headers: ["Authorization", "Content-Type"], credentials: false, maxAge: nil))
    #expect(short.rateLimit == RateLimit(by: .client, count: 100, periodSeconds: 60, burst: 100))
    #expect(try route("methods: [POST]\n    cors: { origins: [\"https://a\"] }").cors?.methods == ["POST"])
  }

  @Test(
    "What cors and rate_limit cannot be is refused",
    arguments: [
      Row("cors: { origins: [\"*\", \"https://a\"] }", "14:22: \"*\" together with other origins, which it includes"),
      Row(
        "cors: { origins: [\"*\"], credentials: true }",
        "14:29: \"credentials\" with any origin; list the origins that may use them"),
      Row("cors: { origins: [] }", "14:22: an empty list; expected a list of origins, or leave the key out"),
      Row(
        "cors: { origins: [\"null\"] }",
        "14:23: \"null\" is not an origin; write a scheme and a host: https://app.example.com"),
      Row(
        "cors: { origins: [\"https://a/\"] }",
        "14:23: \"https://a/\" has more than scheme, host and port, which are all that a browser sends as Origin"),
      Row(
        "cors: { origins: [\"https://A\"] }",
        "14:23: \"https://A\" is not how browsers write it; did you mean \"https://a\"?"),
      Row(
        "cors: { origins: [\"https://a:443\"] }",
        "14:23: \"https://a:443\" has its scheme's default port, which browsers leave out"),
      Row(
        "cors: { origins: [\"https://a\"], headers: [\"*\"] }",
        "14:47: \"*\" does not stand for all headers, and never for Authorization; list those that a page sets"),
      Row(
        "rate_limit: { by: subject, rate: 1/s }",
        "14:23: by: subject with auth: none; nobody is asked who they are, so write by: client"),
      Row(
        "rate_limit: { by: client, rate: 10 }",
        "14:37: \"10\" is not a rate; write a whole number and /s, /m or /h: 10/s"),
      Row("rate_limit: { by: client, rate: 0/s }", "14:37: \"0/s\" is out of range: 1/h to 1000000/s"),
      Row("rate_limit: { by: client, rate: 1000001/s }", "14:37: \"1000001/s\" is out of range: 1/h to 1000000/s"),
      Row("rate_limit: { by: client, rate: 1/s, burst: 0 }", "14:49: \"0\" is out of range: 1 to 1000000"),
      Row("rate_limit: { by: ip, rate: 1/s }", "14:23: \"ip\" is not subject or client"),
    ])
  func badCORSAndLimits(_ row: Row) {
    #expect(faults(Sample.route("auth: none\n    \(row.keys)", path: "\"/a/{id}/**\"").text) == row.faults)
  }
}
