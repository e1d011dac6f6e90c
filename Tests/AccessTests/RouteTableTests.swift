import Access
import Testing

/// A route as the configuration writes it.
struct RouteText: Sendable {
  var host: String?
  var path: String
  var methods: [String] = []

  func pattern() throws -> RoutePattern {
    RoutePattern(
      host: try host.map { try HostPattern($0) } ?? .any, path: try PathPattern(path), methods: methods)
  }
}

extension RouteTable {
  convenience init(_ texts: [RouteText]) throws { self.init(try texts.map { try $0.pattern() }) }

  func match(_ method: String, _ host: String, _ path: String) -> Int? {
    match(host: Array(host.utf8).span, method: Array(method.utf8).span, path: Array(path.utf8).span)
  }
}

@Suite("Route table")
struct RouteTableTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let route: RouteText
    var method = "GET"
    var host = "a.example"
    let path: String
    let matches: Bool
    var testDescription: String { "\(route.path): \(method) \(host) \(path), \(matches)" }

    init(_ pattern: String, _ path: String, _ matches: Bool) {
      route = RouteText(path: pattern)
      self.path = path
      self.matches = matches
    }

    init(host pattern: String, _ host: String, _ matches: Bool) {
      route = RouteText(host: pattern, path: "/**")
      self.host = host
      path = "/"
      self.matches = matches
    }

    init(methods: [String], _ method: String, _ matches: Bool) {
      route = RouteText(path: "/", methods: methods)
      self.method = method
      path = "/"
      self.matches = matches
    }

    func check() throws {
      #expect(try RouteTable([route]).match(method, host, path) == (matches ? 0 : nil))
    }
  }

  @Test(
    "P-10: nothing matches by default; prefixes end at segment borders; `/R/` has R's rule",
    arguments: [
      Row("/pub/**", "/pub", true), Row("/pub/**", "/pub/", true), Row("/pub/**", "/pub/a/b", true),
      Row("/pub/**", "/public", false), Row("/pub/**", "/pu", false), Row("/pub/**", "/", false),
      Row("/pub/**", "/a/pub", false), Row("/R", "/R", true), Row("/R", "/R/", true), Row("/R", "/R/a", false),
      Row("/R", "/R//", false), Row("/R/", "/R", true), Row("/", "/", true), Row("/", "/a", false),
      Row("/**", "/", true),
      Row("/**", "/a//b", true), Row("/*", "/a", true), Row("/*", "/a/", true), Row("/*", "/", false),
      Row("/*", "/a/b", false), Row("/*", "//", false), Row("/a/*/c", "/a/b/c", true), Row("/a/*/c", "/a//c", false),
      Row("/{id}/x", "/7/x", true), Row("/a/*/**", "/a", false), Row("/a/*/**", "/a/b", true),
    ])
  func paths(_ row: Row) throws { try row.check() }

  @Test("P-11: paths are case-sensitive", arguments: [Row("/R", "/r", false), Row("/R/**", "/r/a", false)])
  func pathCase(_ row: Row) throws { try row.check() }

  @Test(
    "P-9: a pattern matches canonical paths", arguments: [Row("/%52", "/R", true), Row("/%c3%a9", "/%C3%A9", true)])
  func canonical(_ row: Row) throws { try row.check() }

  @Test("P-3: an encoded slash is no border", arguments: [Row("/a/R", "/a%2FR", false), Row("/a/**", "/a%2FR", false)])
  func encodedSlash(_ row: Row) throws { try row.check() }

  @Test(
    "P-13, RFC 9110 §9.1: methods are exact, HEAD follows GET",
    arguments: [
      Row(methods: [], "FOO", true), Row(methods: ["GET"], "GET", true), Row(methods: ["GET"], "HEAD", true),
      Row(methods: ["GET"], "get", false), Row(methods: ["GET"], "FOO", false), Row(methods: ["GET"], "GETT", false),
      Row(methods: ["GET"], "", false), Row(methods: ["POST"], "HEAD", false), Row(methods: ["HEAD"], "GET", false),
      Row(methods: ["POST", "FOO"], "FOO", true),
      // Which applications take for the one in capitals.
      Row(methods: [], "get", false), Row(methods: [], "DELETe", false), Row(methods: [], "fOO", false),
      Row(methods: [], "M-SEARCH", true), Row(methods: [], "_", true),
    ])
  func methods(_ row: Row) throws { try row.check() }

  @Test(
    "P-14: hosts in any case; a wildcard stands for one label or more",
    arguments: [
      Row(host: "a.example", "A.EXAMPLE", true), Row(host: "a.example", "b.example", false),
      Row(host: "a.example", "xa.example", false), Row(host: "a.example", "a.example.evil", false),
      Row(host: "*.example", "a.example", true), Row(host: "*.example", "A.b.EXAMPLE", true),
      Row(host: "*.example", "example", false), Row(host: "*.example", "aexample", false),
      Row(host: "*.example", ".example", false), Row(host: "*.example", "a.example.evil", false),
      Row(host: "[::1]", "[::1]", true), Row(host: "a.example", String(repeating: "a.example", count: 100), false),
    ])
  func hosts(_ row: Row) throws { try row.check() }

  @Test(
    "P-14: an IPv6 address in any form is one host",
    arguments: ["[::1]", "[0::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000::0001]", "[::0.0.0.1]", "[0:0::0:0.0.0.1]"])
  func addresses(host: String) throws {
    for pattern in ["[::1]", "[0:0:0::1]"] {
      let table = try RouteTable([RouteText(host: pattern, path: "/**"), RouteText(host: "0.0.0.1", path: "/**")])
      #expect(table.match("GET", host, "/a") == 0 && table.match("GET", "[::2]", "/a") == nil)
      let isFor = [host, "[::2]"].map { OwnPath(host: pattern, path: "/a").isFor(host: $0.utf8Span.span) }
      #expect(isFor == [true, false])
    }
    let mapped = try RouteTable([RouteText(host: "[::FFFF:127.0.0.1]", path: "/**")])
    #expect(mapped.match("GET", "[::ffff:7f00:1]", "/") == 0 && mapped.match("GET", "127.0.0.1", "/") == nil)
  }

  @Test("P-14: two hundred hosts, each its own rule")
  func manyHosts() throws {
    let table = try RouteTable((0..<200).map { RouteText(host: "Host-\($0).EXAMPLE.com.", path: "/**") })
    for index in 0..<200 {
      #expect(table.match("GET", "hOST-\(index).example.COM", "/a") == index)
    }
    #expect(table.match("GET", "host-200.example.com", "/a") == nil)
  }

  @Test("The first in the order of the file wins, however special another is")
  func order() throws {
    let table = try RouteTable([
      RouteText(path: "/a/*/c", methods: ["POST"]), RouteText(host: "*.example", path: "/a/**"),
      RouteText(host: "x.example", path: "/a/b/c"), RouteText(path: "/a/b/c"), RouteText(path: "/**"),
    ])
    #expect(table.match("POST", "x.example", "/a/b/c") == 0)
    #expect(table.match("GET", "x.example", "/a/b/c") == 1)
    #expect(table.match("GET", "other", "/a/b/c") == 3)
    #expect(table.match("GET", "other", "/a/b") == 4)
  }

  @Test("An empty table refuses everything")
  func empty() {
    #expect(RouteTable([RoutePattern]()).match("GET", "a", "/") == nil)
  }
}
