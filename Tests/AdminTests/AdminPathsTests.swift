import HTTP
import Proxy
import Reason
import Synchronization
import Telemetry
import Testing

@testable import Admin

@Suite("What operators are answered")
struct AdminPathsTests {
  private func answer(
    _ path: String, method: String = "GET", host: String = "localhost", fields: [(String, String)] = [],
    isPublic: Bool = false, faults: [String] = [], _ report: AdminReport = AdminReport()
  ) throws -> LocalResponse {
    let paths = AdminPaths(hosts: ["ops.example"], isPublic: isPublic) {
      $1(report)
    } reload: {
      $1(faults.isEmpty ? .done("limits") : .refused(faults))
    }
    var request = LocalRequest()
    request.method = method
    request.host = host
    request.path = path
    request.fields = fields.map { ($0.0, Array($0.1.utf8)) }
    let box = Mutex<LocalResponse?>(nil)
    paths.respond(to: request) { response in box.withLock { $0 = response } }
    return try #require(box.withLock { $0 })
  }

  @Test(
    "Readiness has a status and words",
    arguments: [
      (AdminReport.Readiness.ready, 200, "ready\n"), (.starting(without: []), 503, "starting\n"),
      (.starting(without: ["a", "b"]), 503, "starting: no keys yet of a, b\n"), (.draining, 503, "draining\n"),
    ])
  func readiness(_ readiness: AdminReport.Readiness, status: Int, text: String) throws {
    var report = AdminReport()
    report.readiness = readiness
    let response = try answer("/health/ready", report)
    #expect(response.status == status && String(decoding: response.body, as: UTF8.self) == text)
    #expect(try answer("/health/live", report).status == 200)
  }

  @Test("A reload is a POST of this machine's own, and not of any page")
  func reload() throws {
    #expect(try answer("/reload", method: "POST").status == 200)
    let refused = try answer("/reload", method: "POST", faults: ["a:1:2: \"x\" is unknown"])
    #expect(refused.status == 422)
    #expect(
      String(decoding: refused.body, as: UTF8.self)
        == #"{"result":"refused","faults":["a:1:2: \"x\" is unknown"]}"# + "\n")
    #expect(try answer("/reload").status == 405)
    #expect(try answer("/reload", method: "POST", isPublic: true).status == 403)
    for site in ["cross-site", "same-site"] {
      #expect(try answer("/reload", method: "POST", fields: [("Sec-Fetch-Site", site)]).status == 403)
    }
    #expect(try answer("/reload", method: "POST", fields: [("Sec-Fetch-Site", "same-origin")]).status == 200)
    #expect(try answer("/reload", method: "POST", host: "evil.test").status == 421)
  }

  @Test("What clients send is text on the page, and its line is found by its id")
  func hostile() throws {
    var report = AdminReport()
    let line =
      #"{"time":"2026-01-01T00:00:00Z","request_id":"ab","path":"/<script>&\"'","status":404,"reason":"no_route"}"#
    report.refusalLines = [[Array("no JSON".utf8)], [Array(line.utf8)]]
    report.reload.faults = ["<b>"]
    let page = try answer("/status", fields: [("Accept", "text/html")], report)
    let html = String(decoding: page.body, as: UTF8.self)
    #expect(html.contains("/&lt;script&gt;&amp;&quot;&#39;") && html.contains("&lt;b&gt;"))
    #expect(!html.contains("<script") && !html.contains("<b>"))
    let policy = try #require(page.fields.first { $0.name == "Content-Security-Policy" }?.value)
    #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("script-src"))
    #expect(String(decoding: try answer("/requests/ab", report).body, as: UTF8.self) == line + "\n")
    #expect(try answer("/requests/a", report).status == 404)
    #expect(try answer("/requests/", report).status == 404)
  }
}
