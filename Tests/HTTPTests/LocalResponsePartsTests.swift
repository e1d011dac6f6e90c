import HTTP
import Reason
import Testing

@Suite("Parts of the gateway's own answers")
struct LocalResponsePartsTests {
  @Test(
    "RFC 9110 §5.6.7: dates",
    arguments: [
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
      (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
      (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
  func dates(seconds: Int, text: String) {
    #expect(String(decoding: HTTPDate.imfFixdate(unixSeconds: Int64(seconds)), as: UTF8.self) == text)
  }

  @Test(
    "A page is for who asks for one first",
    arguments: [
      ("text/html,application/xhtml+xml,*/*;q=0.8", true), ("Text/HTML", true), ("text/htm", false), ("", false),
      ("application/json, text/html", false), ("*/*", false), ("application/problem+json", false),
      ("text/html;q=0, */*", false), ("text/html ; Q=0.000,*/*", false), ("text/html;level=1;q=0.0", false),
      ("text/html;q=0.5, application/json;q=0.4", true), ("text/html;level=1", true), ("text/html;q=0.001", true),
      ("text/html , */*", true), ("text/htmlx", false), ("x-text/html", false), ("text/html;q=", true),
    ])
  func prefersHTML(accept: String, isPage: Bool) {
    let bytes = Array(accept.utf8)
    let prefers = ProblemBody.prefersHTML(accept: bytes.span, ByteRange(0, bytes.count))
    #expect(prefers == isPage)
  }

  @Test("RFC 9110 §15: every status of a refusal has its reason phrase", arguments: Reason.allCases)
  func phrases(reason: Reason) {
    // 499 is for the log alone: nobody is there to be answered.
    let hasPhrase = StatusText.reasonPhrase(reason.status).description != "Unknown"
    #expect(hasPhrase == (reason.status != 499))
  }

  @Test("A page names the status and the request")
  func page() {
    let page = String(decoding: ProblemBody.html(status: 404, title: "Not Found", requestID: "0a"), as: UTF8.self)
    #expect(page.hasPrefix("<!doctype html>"))
    #expect(page.contains("<title>404 Not Found</title>") && page.contains("<code>0a</code>"))
  }

  @Test("A local request is made of what was decided: the canonical path, the query apart")
  func localRequest() throws {
    let (head, bytes) = try requestHead("GET /%61?b=%63 HTTP/1.1\r\nHost: a.example:80\r\nX: \u{E9}\r\n\r\n")
    let request = LocalRequest(head, bytes.span, path: Array("/a".utf8).span)
    #expect(request.method == "GET")
    #expect(request.host == "a.example")
    #expect(request.path == "/a")
    #expect(request.query == "?b=%63")
    #expect(request.fields.map(\.name) == ["Host", "X"])
    #expect(request.fields[1].value == Array("\u{E9}".utf8))
    #expect(request.body.isEmpty)
  }

  @Test(
    "Where a line ends, parsing is worth it", arguments: [("abc", false), ("a\r", true), ("a\nb", true), ("", false)])
  func lineScanner(text: String, hasEnd: Bool) {
    let bytes = Array("\n\(text)".utf8)
    let found = LineScanner.containsLineEnd(bytes.span, from: 1)
    #expect(found == hasEnd)
  }
}
