import HTTP
import OAuth
import Testing

@testable import SignIn

@Suite("Forms, and where they lead")
struct FormTests {
  @Test("A form is read as it was meant, or not at all")
  func forms() throws {
    let form = try #require(FormFields(Array("a=1&b=x%20y+z&c=&d".utf8)))
    #expect(form.text("a") == "1")
    #expect(form.text("b") == "x y z")
    #expect(form.text("c") == "")
    #expect(form.text("d") == "")
    #expect(form.text("e") == nil)
    #expect(FormFields([])?.text("a") == nil)
  }

  @Test(
    "What two readers may read differently is not a form",
    arguments: ["a=1&a=2", "a=1&%61=2", "a=%z1", "a=%1", "a=%", "=1", "a=1&&b=2", "%ff=1", "&"])
  func malformed(text: String) { #expect(FormFields(Array(text.utf8)) == nil) }

  @Test("A value need not be a text, but then it is none")
  func bytes() throws {
    let form = try #require(FormFields(Array("a=%ff".utf8)))
    #expect(form["a"] == [0xFF])
    #expect(form.text("a") == nil)
  }

  @Test(
    "Of a query that others add to, only what is asked for counts, and it counts strictly",
    arguments: [
      ("?code=a&state=b", ["a", "b"]), ("?x=1&code=a&x=2&&state=b&", ["a", "b"]),
      ("?code=a&%ff=%zz&y&=&state=", ["a", ""]),
      ("?", ["-", "-"]), ("", ["-", "-"]), ("?code=a&code=a", nil), ("?code=a&c%6fde=b", nil), ("?state=%z", nil),
    ] as [(String, [String]?)])
  func parts(query: String, values: [String]?) {
    let form = FormFields(query: query, only: ["code", "state"])
    #expect(form.map { form in ["code", "state"].map { form.text($0) ?? "-" } } == values)
  }

  @Test("What is wrong with a form is said")
  func faults() {
    #expect(throws: FormFields.Fault.repeated("a")) { try FormFields(checking: Array("a=1&%61=2".utf8)) }
    #expect(throws: FormFields.Fault.malformed) { try FormFields(checking: Array("a=%z".utf8)) }
  }

  @Test("A form of very many fields is none")
  func many() {
    let text = (0..<40).map { "a\($0)=1" }.joined(separator: "&")
    #expect(FormFields(Array(text.utf8)) == nil)
  }

  @Test(
    "A path of this host is where one goes on (SECURITY C-4)",
    arguments: ["/", "/a", "/a/b?c=d&e=%2f%0a", "/a?//b", "/a//b", "/%41", "/a#b", "/-_.~!$&'()*+,;=:@"])
  func paths(path: String) { #expect(ReturnTo.checked(path) == path) }

  @Test(
    "Anything else is the start page",
    arguments: [
      "", "a", "//a", "/\\a", "\\/a", "https://a", "/ a", "/\ta", "/a\r\nX: y", "/%09/a", "/%0d%0aX:y", "/%5ca",
      "/%2Fa",
      "/%", "/%4", "/%zz", "/\u{e4}", "/a\u{0}", "javascript:x", "/\"", "/<", "/a\\b", "/%20",
    ])
  func others(text: String) { #expect(ReturnTo.checked(text) == "/") }

  @Test("A path of unlimited length is none")
  func longPath() { #expect(ReturnTo.checked("/" + String(repeating: "a", count: 4096)) == "/") }

  @Test("No text leaves the page's own")
  func escaped() {
    #expect(HTMLText.escaped("a&b<c>\"d'") == "a&amp;b&lt;c&gt;&quot;d&#39;")
    #expect(Base64.text(Array("f".utf8)) == "Zg==")
    #expect(Base64.text(Array("fo".utf8)) == "Zm8=")
    #expect(Base64.text(Array("foobar".utf8)) == "Zm9vYmFy")
  }
}
