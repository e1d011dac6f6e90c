import Access
import HTTP
import JSON
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
    isPublic: Bool = false, faults: [String] = [], body: String = "", outcome: RevocationOutcome = .ended(["a"]),
    _ report: AdminReport = AdminReport()
  ) throws -> LocalResponse {
    let paths = AdminPaths(hosts: ["ops.example"], isPublic: isPublic) {
      $1(report)
    } reload: {
      $2(faults.isEmpty ? .done("limits") : .refused(faults))
    } revoke: {
      $2(outcome)
    }
    var request = LocalRequest()
    request.method = method
    request.host = host
    request.path = path
    request.body = Array(body.utf8)
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

  private func order(_ body: String) throws(ReloadOrderFault) -> ReloadOrder {
    let bytes = Array(body.utf8)
    return try ReloadOrder(bytes.span)
  }

  @Test("A reload may be on trial, for a while that is bounded")
  func trial() throws {
    #expect(try order("").canary == nil)
    #expect(try order(#"{"canary": "10m"}"#).canary == .seconds(600))
    for body in [
      "{}", "[]", "x", #"{"canary": "10"}"#, #"{"canary": 600}"#, #"{"canary": "9s"}"#, #"{"canary": "25h"}"#,
      #"{"canary": "10m", "x": "y"}"#, #"{"Canary": "10m"}"#,
    ] {
      #expect(throws: ReloadOrderFault.self) { try order(body) }
      #expect(try answer("/reload", method: "POST", body: body).status == 400)
    }
    #expect(try answer("/reload", method: "POST", body: #"{"canary": "10s"}"#).status == 200)
  }

  @Test("What clients send is text on the page, and its line is found by its id")
  func hostile() throws {
    var report = AdminReport()
    let line =
      #"{"time":"2026-01-01T00:00:00Z","request_id":"ab","path":"/<script>&\"'","status":404,"reason":"no_route"}"#
    report.refused = ["no JSON", line].map {
      RecentRefusals.Part(.unknownClient, latestFirst: [RememberedRefusal(line: Array($0.utf8))], isFull: true)
    }
    report.reload.faults = ["<b>"]
    let page = try answer("/status", fields: [("Accept", "text/html")], report)
    let html = String(decoding: page.body, as: UTF8.self)
    #expect(html.contains("/&lt;script&gt;&amp;&quot;&#39;") && html.contains("&lt;b&gt;"))
    #expect(!html.contains("<script") && !html.contains("<b>"))
    let policy = try #require(page.fields.first { $0.name == "Content-Security-Policy" }?.value)
    #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("script-src"))
    #expect(html.contains("<a href=\"/requests/ab\">ab</a>"))
    let found = try object(answer("/requests/ab", report))
    #expect(found["path"]?.string == "/<script>&\"'" && found["meaning"]?.string == Reason.noRoute.meaning)
    #expect(found["advice"]?.string == Reason.noRoute.advice && found["checks"] == nil)
    #expect(try answer("/requests/a", report).status == 404)
    let memory = try #require(try object(answer("/requests/a", report))["remembered"]?.array)
    #expect(memory.count == RecentRefusals.Kind.allCases.count)
    #expect(
      memory.last
        == .object([
          "kind": .string("unknown_client"), "count": .integer(2), "since": .string("2026-01-01T00:00:00Z"),
        ]))
    #expect(memory[0].object?["since"]?.string == "1970-01-01T00:00:00.000000Z")
    #expect(try answer("/requests/", report).status == 404)
  }

  @Test(
    "What is to be revoked is one thing of one provider",
    arguments: [
      (#"{"provider":"a","sub":"b"}"#, 200), (#"{"sid":"b","provider":"a"}"#, 200), (#"{"provider":"a"}"#, 400),
      (#"{"provider":"a","sub":"b","sid":"c"}"#, 400), (#"{"provider":"a","sub":""}"#, 400), ("", 400), ("[]", 400),
      (#"{"provider":"a","sub":1}"#, 400), (#"{"provider":"a","sub":"b","x":"c"}"#, 400), (#"{"sub":"b"}"#, 400),
      (#"{"provider":"a","sub":"b","sub":"c"}"#, 400), (#"{"provider":"a","jti":"b","exp":1}"#, 200),
      (#"{"exp":1,"jti":"b","provider":"a"}"#, 200), (#"{"provider":"a","jti":"b"}"#, 400),
      (#"{"provider":"a","exp":1}"#, 400), (#"{"provider":"a","sub":"b","exp":1}"#, 400),
      (#"{"provider":"a","jti":"b","exp":"1"}"#, 400), (#"{"provider":"a","jti":"b","exp":1.5}"#, 400),
      (#"{"provider":"a","jti":"b","sub":"c","exp":1}"#, 400), (#"{"provider":"a","jti":"","exp":1}"#, 400),
      (#"{"provider":"a","jti":"\#(String(repeating: "x", count: 8193))","exp":1}"#, 400),
    ])
  func order(_ body: String, status: Int) throws {
    #expect(try answer("/revoke", method: "POST", body: body).status == status)
  }

  @Test("Revoking is answered with what came of it, and is for nobody else's page")
  func revoke() throws {
    let body = #"{"provider":"a","sub":"b"}"#
    #expect(
      try object(answer("/revoke", method: "POST", body: body))
        == ["result": .string("ended"), "sign_ins": .array([.string("a")])])
    for (outcome, status) in [
      (RevocationOutcome.ended([]), 404), (.nothing("x"), 404), (.revoked, 200), (.refused("x"), 422),
      (.failed("x"), 503),
    ] {
      #expect(try answer("/revoke", method: "POST", body: body, outcome: outcome).status == status)
    }
    #expect(try answer("/revoke", body: body).status == 405)
    #expect(try answer("/revoke", method: "POST", isPublic: true, body: body).status == 403)
    #expect(try answer("/revoke", method: "POST", fields: [("Sec-Fetch-Site", "same-site")], body: body).status == 403)
    #expect(try answer("/revoke", method: "POST", host: "evil.test", body: body).status == 421)
    #expect(try answer("/config", isPublic: true).status == 403)
    #expect(try object(answer("/config"))["configuration"] == .object([:]))
  }

  private func object(_ response: LocalResponse) throws -> JSONObject {
    try #require(try JSON.parse(response.body.span, depthMax: 80).object)
  }

  @Test("What a rule has found is told, and not to everybody who asks a public one")
  func checks() throws {
    let rule = AccessRule(authentication: .required(providers: ["company"]), requirement: Requirement())
    let decided = DecidedRequest(rule, .refused(.tokenExpired), RequestFacts(path: Array("/a".utf8), now: 0))
    let line =
      #"{"time":"2026-01-01T00:00:00Z","request_id":"ab","reason":"token_expired","provider":"company","#
      + #""claims":{"ssn":"123"}}"#
    var report = AdminReport()
    report.generation = 4
    report.providers = [.init(name: "company", issuer: "https://id.test", keys: 2, fetchedAt: 1, failures: 3)]
    report.refused = [
      RecentRefusals.Part(.client, latestFirst: [RememberedRefusal(line: Array(line.utf8), decided: decided)])
    ]
    let found = try object(answer("/requests/ab", report))
    #expect(
      found["checks"]
        == .array([
          .object([
            "expected": .string("a token of company"), "found": .string("one that is refused"), "holds": .bool(false),
            "reason": .string("token_expired"), "inner": .array([]),
          ])
        ]))
    #expect(
      found["key_set"]
        == .object([
          "keys": .integer(2), "fetched": .string("1970-01-01T00:00:01.000000Z"), "failures": .integer(3),
        ]))
    #expect(found["config_in_force"] == .integer(4))
    let told = try object(answer("/requests/ab", isPublic: true, report))
    #expect(told["checks"] == nil && told["advice"] == found["advice"])
    #expect(found["claims"] != nil && told["claims"] == nil)
    let status = try answer("/status", isPublic: true, report)
    #expect(!String(decoding: status.body, as: UTF8.self).contains("ssn"))
    // Another one has chosen its id.
    let other = #"{"time":"2026-01-02T00:00:00Z","request_id":"ab","reason":"no_route"}"#
    report.refused.insert(
      RecentRefusals.Part(.unknownClient, latestFirst: [RememberedRefusal(line: Array(other.utf8))]), at: 0)
    let both = try object(answer("/requests/ab", report))
    #expect(both["reason"]?.string == "token_expired" && both["same_id"] == .integer(2))
  }
}
