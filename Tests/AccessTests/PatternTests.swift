import Access
import Testing

@Suite("Patterns of routes")
struct PatternTests {
  @Test(
    "What is not a path pattern",
    arguments: [
      ("", "it must begin with `/`"), ("a", "it must begin with `/`"), ("*", "it must begin with `/`"),
      ("/**/a", "`**` is allowed only at the end"), ("/a*", "`*` must be a whole segment"),
      ("/***", "`*` must be a whole segment"), ("/a/x{id}", "`{name}` must be a whole segment"),
      ("/{id", "`{name}` must be a whole segment"), ("/{}", "the name in `{name}` has only letters, digits and `_`"),
      ("/{a-b}", "the name in `{name}` has only letters, digits and `_`"), ("/a//b", "it has an empty segment"),
      ("//", "it has an empty segment"), ("/a?b", "the query is never matched"),
      ("/é", "write non-ASCII characters as escapes: %C3%A9"),
      ("/a/../b", "every request with such a path is refused (path_dot_segment)"),
      ("/%2e", "every request with such a path is refused (path_dot_segment)"),
      ("/a b", "every request with such a path is refused (path_character_invalid)"),
      ("/%zz", "every request with such a path is refused (path_escape_invalid)"),
      ("/%2541", "every request with such a path is refused (path_double_encoding)"),
      ("/a\\b", "every request with such a path is refused (path_backslash)"),
    ])
  func badPath(text: String, message: String) throws {
    let error = #expect(throws: PatternError.self) { try PathPattern(text) }
    #expect(error?.message == message)
  }

  @Test(
    "P-9, P-10: patterns are brought into canonical form; a last slash makes no difference",
    arguments: [
      ("/a/", "/a"), ("/%61", "/a"), ("/%c3%a9", "/%C3%A9"), ("/{id}", "/*"), ("/a/**/", "/a/**"), ("/%7E", "/~"),
      ("/a%3Ab", "/a:b"), ("/%24%40%21%27%28%29%2b%2C%3D%26", "/$@!'()+,=&"), ("/%7c%5E%5b%5D", "/|^[]"),
    ])
  func samePath(left: String, right: String) throws {
    #expect(try PathPattern(left) == PathPattern(right))
  }

  @Test(
    "Patterns that are not the same",
    arguments: [
      ("/a", "/A"), ("/a", "/a/**"), ("/a", "/*"), ("/", "/**"), ("/%2A", "/*"), ("/%7Ba%7D", "/{a}"), ("/%3F", "/%23"),
    ])
  func differentPath(left: String, right: String) throws {
    #expect(try PathPattern(left) != PathPattern(right))
  }

  @Test(
    "A pattern is shown as one that may be written",
    arguments: [
      ("/a%3Ab/{id}/**", "/a:b/*/**"), ("/%2A", "/%2A"), ("/%2a%2A", "/%2A%2A"), ("/[a|b]^", "/%5Ba%7Cb%5D%5E"),
      ("/%7bid%7d", "/%7Bid%7D"),
    ])
  func description(text: String, shown: String) throws {
    let pattern = try PathPattern(text)
    #expect(pattern.description == shown)
    #expect(try PathPattern(shown) == pattern)
  }

  @Test(
    "P-14: hosts are folded",
    arguments: [
      ("api.example.com", HostPattern.exact("api.example.com")), ("API.Example.COM.", .exact("api.example.com")),
      ("*.Example.com", .below("example.com")), ("[2001:DB8::1]", .exact("[2001:db8::1]")),
      ("[2001:0DB8:0:0:0::0001]", .exact("[2001:db8::1]")), ("[::ffff:7f00:1]", .exact("[::ffff:127.0.0.1]")),
      ("[0::0.0.0.1]", .exact("[::1]")),
      ("xn--caf-dma.example", .exact("xn--caf-dma.example")), ("a_b", .exact("a_b")),
      ("127.0.0.1", .exact("127.0.0.1")),
    ])
  func goodHost(text: String, pattern: HostPattern) throws {
    #expect(try HostPattern(text) == pattern)
  }

  @Test(
    "What is not a host pattern",
    arguments: [
      ("", "it is empty"), ("*.", "it is empty"), ("a:80", "a host must be written without a port"),
      ("*", "`*` can only be a whole label at the front: \"*.example.com\""),
      ("a.*.b", "`*` can only be a whole label at the front: \"*.example.com\""),
      ("*a.b", "`*` can only be a whole label at the front: \"*.example.com\""),
      ("a b", "a host name has only letters, digits, `-`, `_` and `.` (write an IDN in its xn-- form)"),
      ("café.example", "a host name has only letters, digits, `-`, `_` and `.` (write an IDN in its xn-- form)"),
      ("a/b", "a host name has only letters, digits, `-`, `_` and `.` (write an IDN in its xn-- form)"),
      ("[::1", "an IPv6 address must be in brackets, without a port"),
      ("[::1]:80", "an IPv6 address must be in brackets, without a port"),
      ("*.[::1]", "an IPv6 address must be in brackets, without a port"),
      ("[::g]", "an IPv6 address is written as in [2001:db8::1]"),
      ("[127.0.0.1]", "an IPv6 address is written as in [2001:db8::1]"),
      ("[]", "an IPv6 address is written as in [2001:db8::1]"),
      (".a", "it has an empty label"), ("a..b", "it has an empty label"), ("a..", "it has an empty label"),
      ("*..a", "it has an empty label"),
    ])
  func badHost(text: String, message: String) {
    let error = #expect(throws: PatternError.self) { try HostPattern(text) }
    #expect(error?.message == message)
  }
}

@Suite("Routes that an earlier one leaves nothing")
struct RouteCoverageTests {
  @Test("The first one that covers is found, however it begins")
  func first() throws {
    var coverage = RouteCoverage()
    let paths = ["/a/b", "/{x}/c", "/a/c", "/a/**", "/b/d", "/**", "/a/b", "/z"]
    let found = try paths.map { path in
      coverage.add(RoutePattern(host: .any, path: try PathPattern(path), methods: []))
    }
    #expect(found == [nil, nil, 1, nil, nil, nil, 0, 5])
  }
}
