import Access
import HTTP
import Reason
import Testing

@Suite("Rewritten paths")
struct PathRewriteTests {
  private func forwarded(_ rewrite: PathRewrite, _ path: String, keeping kept: PathTraits = []) -> String {
    var output = Array("left over".utf8)
    do throws(PathError) {
      try rewrite.write(Array(path.utf8).span, keeping: kept, to: &output)
    } catch {
      return error.reason.rawValue
    }
    return String(decoding: output, as: UTF8.self)
  }

  @Test(
    "P-1: what is left behind a prefix",
    arguments: [
      ("/a", "/a/**", "/a", "/"), ("/a", "/a/**", "/a/", "/"), ("/a/", "/a/**", "/a/b/", "/b/"),
      ("/a", "/a", "/a", "/"),
      ("/a/b", "/a/b/{id}/**", "/a/b/c/d", "/c/d"), ("/%61", "/a/*", "/a/a", "/a"), ("/a", "/a/*/a", "/a/a/a", "/a/a"),
      ("/a%3Ab", "/a:b/**", "/a:b/c%40", "/c%40"), ("/a:b", "/a%3ab/**", "/a%3Ab/c", "/c"),
    ])
  func stripped(prefix: String, pattern: String, path: String, seen: String) throws {
    #expect(forwarded(try PathRewrite(stripping: prefix, from: pattern), path) == seen)
  }

  @Test(
    "P-1: what a template makes of a path",
    arguments: [
      ("/v2/{id}/**", "/a/{id}/**", "/a/7/x/y/", "/v2/7/x/y/"), ("/v2/{id}/**", "/a/{id}/**", "/a/7", "/v2/7"),
      ("/v2/{id}/**", "/a/{id}/**", "/a/7/", "/v2/7/"), ("/{b}/{a}/{b}", "/{a}/*/{b}", "/1/2/3", "/3/1/3"),
      ("/fixed", "/a/**", "/a/b", "/fixed"), ("/fixed/", "/a", "/a", "/fixed/"), ("/", "/a", "/a", "/"),
      ("/**", "/a/**", "/a", "/"), ("/**", "/a/**", "/a/b", "/b"), ("/v2/**", "/**", "/", "/v2/"),
      ("/v2/**", "/**", "/x", "/v2/x"), ("/%7e/{id}", "/{id}", "/%C3%A9", "/~/%C3%A9"),
      ("/{id}/", "/a/{id}", "/a/b", "/b/"),
      ("/v%2C/{id}/**", "/a:b/{id}/**", "/a%3Ab/x%40y/:%3A", "/v%2C/x%40y/:%3A"),
    ])
  func made(template: String, pattern: String, path: String, seen: String) throws {
    #expect(forwarded(try PathRewrite(template, of: pattern), path) == seen)
  }

  @Test("P-2, P-4: neither a dot segment nor a slash in front comes of it, whatever is kept")
  func refused() throws {
    let stripping = try PathRewrite(stripping: "/a", from: "/a/**")
    // The canonical form holds none of these: they are looked for again all the same.
    #expect(forwarded(stripping, "/a/../b") == "path_dot_segment")
    #expect(forwarded(stripping, "/a/.") == "path_dot_segment")
    #expect(forwarded(stripping, "/a//b", keeping: .doubleSlash) == "path_double_slash")
    #expect(forwarded(stripping, "/a/b//c", keeping: .doubleSlash) == "/b//c")
    #expect(forwarded(stripping, "/a/b//c") == "path_double_slash")
    #expect(forwarded(stripping, "/a/b%2Fc;d", keeping: [.encodedSlash, .parameter]) == "/b%2Fc;d")
    #expect(forwarded(try PathRewrite("/**", of: "/a/**"), "/a//b", keeping: .doubleSlash) == "path_double_slash")
  }

  @Test(
    "What strips nothing is refused",
    arguments: [
      ("/", "/a/**", "there is nothing to strip"), ("/b", "/a/**", "the route's path does not begin with it"),
      ("/a/b", "/a/*", "the route's path does not begin with it"),
      ("/a/b", "/a", "the route's path does not begin with it"),
      ("/a/**", "/a/**", "it must be a path without `*`, `**` or `{name}`"),
      ("/{x}", "/{x}/**", "it must be a path without `*`, `**` or `{name}`"), ("a", "/a", "it must begin with `/`"),
    ])
  func badPrefix(prefix: String, pattern: String, message: String) {
    let error = #expect(throws: PatternError.self) { try PathRewrite(stripping: prefix, from: pattern) }
    #expect(error?.message == message)
  }

  @Test(
    "A template names what the pattern has",
    arguments: [
      ("/{b}", "/{a}", "`{b}` is not in the route's path"), ("/**", "/a/*", "`**` is not in the route's path"),
      ("/*", "/*", "`*` has no name; write `{name}` here and in the route's path"),
      ("/{a}", "/{a}/{a}", "`{a}` appears more than once in the route's path"),
      ("/x{a}", "/{a}", "`{name}` must be a whole segment"), ("/a?b", "/a", "the query is never matched"),
      ("/../a", "/a", "every request with such a path is refused (path_dot_segment)"),
    ])
  func badTemplate(template: String, pattern: String, message: String) {
    let error = #expect(throws: PatternError.self) { try PathRewrite(template, of: pattern) }
    #expect(error?.message == message)
  }
}
