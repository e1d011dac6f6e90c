import TestSupport
import Testing

@testable import Configuration

@Suite("The same answer to every request")
struct StaticResponseTests {
  private func sample(_ keys: String) -> String {
    var sample = Sample()
    sample.upstreams = "upstreams:\n  echo:\n    builtin: static\n    static: \(keys)\n"
    return sample.text
  }

  private func answer(_ keys: String, file: String = "gateway.conf") throws -> UpstreamConfiguration.Kind? {
    try configuration(sample(keys), file: file).upstreams.first?.kind
  }

  @Test("Status, type and body are taken over, with what is left out")
  func taken() throws {
    let plain = "text/plain; charset=utf-8"
    let hello = StaticResponse(status: 200, contentType: plain, body: Array("hello".utf8))
    #expect(try answer("{ body: hello }") == .fixed(hello))
    #expect(try answer("{ status: 204 }") == .fixed(StaticResponse(status: 204, contentType: plain, body: [])))
    let page = StaticResponse(status: 503, contentType: "text/html", body: Array("<p>".utf8))
    #expect(try answer("{ status: 503, content_type: text/html, body: <p> }") == .fixed(page))
    let folder = try TemporaryFolder()
    _ = try folder.write("page.txt", "two\nlines\n", mode: 0o644)
    #expect(
      try answer("{ body_file: page.txt }", file: "\(folder.path)/gateway.conf")
        == .fixed(StaticResponse(status: 200, contentType: plain, body: Array("two\nlines\n".utf8))))
  }

  @Test(
    "What it cannot be is refused",
    arguments: [
      ("{ status: 199 }", "11:23: \"199\" is out of range: 200 to 599"),
      ("{ status: 204, body: x }", "11:23: a response with the status 204 has no body"),
      (
        "{ content_type: é, body: x }",
        "11:29: \"é\" is not a header value: it may contain only visible ASCII and spaces"
      ),
      ("{ body: x, body_file: y }", "11:24: \"body_file\" together with \"body\"; a response has one or the other"),
    ])
  func refused(keys: String, fault: String) {
    #expect(faults(sample(keys)).first == fault)
  }

  @Test("builtin: static and static belong together")
  func together() {
    var sample = Sample()
    sample.upstreams = "upstreams:\n  echo: { builtin: static }\n"
    #expect(faults(sample.text) == ["9:20: builtin: static needs \"static\", which says what to answer"])
    sample.upstreams = "upstreams:\n  echo: { builtin: echo, static: { body: x } }\n"
    #expect(faults(sample.text) == ["9:26: \"static\" without builtin: static"])
    sample.upstreams = "upstreams:\n  echo: { servers: [\"127.0.0.1:1\"], static: { body: x } }\n"
    #expect(faults(sample.text) == ["9:37: \"static\" without builtin: static"])
  }
}
