import Access
import HTTP
import JSON
import Reason
import Synchronization
import Telemetry
import Testing

@testable import Admin
@testable import Proxy

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

  @Test("A-2: what clients send is text on the page, and its line is found by its id")
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

  @Test("A file that cannot be used, and a log that is not complete, are faults, in each format")
  func faults() throws {
    var report = AdminReport()
    report.watchedFiles = [.init(.revocations, fault: nil), .init(.users(provider: "a"), fault: nil)]
    func faults(isPublic: Bool = false) throws -> JSONValue? {
      try object(answer("/status", isPublic: isPublic, report))["faults"]
    }
    func html() throws -> String {
      String(decoding: try answer("/status", fields: [("Accept", "text/html")], report).body, as: UTF8.self)
    }
    func metrics() throws -> [Substring] {
      String(decoding: try answer("/metrics", report).body, as: UTF8.self).split(separator: "\n")
    }
    #expect(try faults() == .array([]))
    #expect(try !html().contains("<section class=\"fault\">"))
    #expect(try metrics().contains("portcullis_revocations_file_last_read_successful 1"))
    #expect(try metrics().contains("portcullis_users_file_last_read_successful{provider=\"a\"} 1"))
    report.watchedFiles = [
      .init(.revocations, fault: "r:1:2: <bad>"), .init(.users(provider: "a"), fault: nil),
      .init(.users(provider: "b"), fault: "u: no"),
    ]
    report.storeFaults = [.init(.signIns, of: "a", why: "disk full"), .init(.sessions, of: "b", why: "gone")]
    report.logLinesLost = 3
    let words = { (what: String, why: String) in JSONValue.object(["what": .string(what), "why": .string(why)]) }
    let log = words("access_log", "3 lines lost since the process started")
    func ofProvider(_ what: String, _ provider: String, why: String) -> JSONValue {
      .object(["what": .string(what), "provider": .string(provider), "why": .string(why)])
    }
    #expect(
      try faults()
        == .array([
          words("revocations_file", "r:1:2: <bad>"), ofProvider("users_file", "b", why: "u: no"),
          ofProvider("sign_ins_database", "a", why: "disk full"), ofProvider("sessions_database", "b", why: "gone"),
          log,
        ]))
    let page = try html()
    #expect(page.split(separator: "<section class=\"fault\">").count == 6)
    #expect(page.contains("<li>r:1:2: &lt;bad&gt;</li>") && page.contains("Users of b"))
    #expect(page.contains("3 lines lost"))
    #expect(try metrics().contains("portcullis_revocations_file_last_read_successful 0"))
    #expect(try metrics().contains("portcullis_users_file_last_read_successful{provider=\"b\"} 0"))
    // It may quote the file, or name it.
    let hidden = "the log says what is wrong"
    #expect(
      try faults(isPublic: true)
        == .array([
          words("revocations_file", hidden), ofProvider("users_file", "b", why: hidden),
          ofProvider("sign_ins_database", "a", why: hidden), ofProvider("sessions_database", "b", why: hidden), log,
        ]))
    report.watchedFiles = []
    #expect(try !metrics().contains { $0.hasPrefix("portcullis_revocations_file_last_read_successful ") })
  }

  @Test("What to do about a missing role depends on who gives roles", arguments: [false, true])
  func adviceOfSignIn(hasSignIn: Bool) throws {
    var report = AdminReport()
    report.providers = [
      AdminReport.Provider(
        name: "local", issuer: "i", keys: 1, fetchedAtSeconds: 0, failures: 0, hasSignIn: hasSignIn)
    ]
    let line =
      #"{"time":"2026-01-01T00:00:00Z","request_id":"ab","provider":"local","status":403,"reason":"role_missing"}"#
    report.refused = [
      RecentRefusals.Part(.policy, latestFirst: [RememberedRefusal(line: Array(line.utf8))], isFull: true)
    ]
    let found = try object(answer("/requests/ab", report))
    #expect(found["advice"]?.string == (hasSignIn ? Reason.roleMissing.adviceOfSignIn : Reason.roleMissing.advice))
  }

  /// Access lines of one kind, with the seconds at which they began, the last one first.
  private func part(_ kind: RecentRefusals.Kind, _ seconds: [Int]) -> RecentRefusals.Part {
    RecentRefusals.Part(
      kind,
      latestFirst: seconds.map { second in
        let text = second < 10 ? "0\(second)" : "\(second)"
        return RememberedRefusal(
          line: Array(#"{"time":"2026-01-01T00:00:\#(text)Z","reason":"\#(kind.rawValue)"}"#.utf8))
      })
  }

  @Test("Many refusals of one kind do not hide those of the others, and are shown where there is room")
  func refusedLast() throws {
    var report = AdminReport()
    // Of two loops.
    report.refused = [
      part(.unknownClient, Array((20..<59).reversed())), part(.policy, [2, 1]), part(.unknownClient, [59]),
      part(.policy, [4, 3, 0]), part(.upstream, [5]),
    ]
    func shown() throws -> [(String, Int)] {
      try #require(object(answer("/status", report))["refusals"]?.array).map {
        ($0.object?["reason"]?.string ?? "", Int(String($0.object?["time"]?.string?.dropLast().suffix(2) ?? "")) ?? -1)
      }
    }
    let lines = try shown()
    #expect(lines.count == 20 && lines.map(\.1) == lines.map(\.1).sorted(by: >))
    #expect(lines.filter { $0.0 == "policy" }.map(\.1) == [4, 3, 2])
    #expect(lines.filter { $0.0 == "upstream" }.map(\.1) == [5])
    #expect(lines.filter { $0.0 == "unknown_client" }.map(\.1) == Array((44...59).reversed()))
    report.refused = [part(.policy, Array((0..<30).reversed()))]
    #expect(try shown().map(\.1) == Array((10..<30).reversed()))
  }

  @Test("Requests are counted by verdict, lately and since the beginning; an upstream's own errors are its own")
  func verdicts() throws {
    var report = AdminReport()
    report.routeNames = ["", "orders"]
    report.upstreamNames = ["", "app"]
    report.providerNames = ["", "company"]
    report.upstreams = [UpstreamStatus(name: "app", servers: []), UpstreamStatus(name: "idle", servers: [])]
    func count(_ status: Int, _ reason: Reason? = nil, upstream: Int? = nil, times: Int = 1) {
      var measure = ExchangeMeasure(
        route: 1, upstream: upstream, status: status, reason: reason, cache: nil, totalMicroseconds: 1,
        firstByteMicroseconds: nil, retries: 0, bytesIn: 0, bytesOut: 0)
      measure.provider = reason == .roleMissing ? 1 : 0
      for _ in 0..<times { report.counts.count(measure) }
    }
    count(401, .tokenExpired, times: 1000)
    let before = TrafficVerdicts(report.counts)
    count(200, upstream: 1, times: 5)
    count(500, upstream: 1, times: 3)
    count(502, .upstreamUnreachable, upstream: 1, times: 2)
    count(403, .roleMissing, times: 4)
    count(303)
    report.recent = TrafficVerdicts(report.counts).since(before)
    report.recentSeconds = 600
    let status = try object(answer("/status", report))
    for (name, total, client) in [("requests", 1015 as Int64, 1000 as Int64), ("recent", 15, 0)] {
      let counts = try #require(status[name]?.object)
      #expect(counts["total"] == .integer(total) && counts["answered"] == .integer(1))
      #expect(counts["forwarded"]?.object?["2xx"] == .integer(5) && counts["forwarded"]?.object?["5xx"] == .integer(3))
      let byBlame = try #require(counts["by_blame"]?.object)
      #expect(byBlame["client"] == .integer(client) && byBlame["policy"] == .integer(4))
      #expect(byBlame["upstream"] == .integer(2) && byBlame["gateway"] == .integer(0))
    }
    #expect(status["recent"]?.object?["seconds"] == .integer(600))
    // What is new stands before what is long over.
    let reasons = try #require(status["reasons"]?.array).compactMap(\.object)
    #expect(reasons.map { $0["reason"]?.string } == ["role_missing", "upstream_unreachable", "token_expired"])
    #expect(reasons.map { $0["recent"] } == [.integer(4), .integer(2), .integer(0)])
    #expect(reasons.map { $0["provider"]?.string } == ["company", "", ""])
    let errors = try #require(status["upstreams"]?.array).compactMap { $0.object?["errors"]?.object }
    #expect(errors.map { $0["own"] } == [.integer(3), .integer(0)])
    #expect(errors.map { $0["own_recent"] } == [.integer(3), .integer(0)])
    #expect(errors.map { $0["in_its_place"] } == [.integer(2), .integer(0)])
    let html = String(
      decoding: try answer("/status", fields: [("Accept", "text/html")], report).body, as: UTF8.self)
    for row in [
      ["upstream answered 5xx", "3", "3"], ["refused: client", "0", "1000"], ["gateway answered", "1", "1"],
      ["all", "15", "1015"], ["app", "the upstream", "3", "3"], ["app", "the gateway in its place", "2", "2"],
    ] {
      #expect(html.contains("<tr>\(row.map { "<td>\($0)</td>" }.joined())</tr>"))
    }
    #expect(html.contains("Last 10 min") && !html.contains("<td>idle</td><td>the"))
    let metrics = String(decoding: report.metrics(), as: UTF8.self)
    #expect(metrics.contains("portcullis_upstream_answers_total{upstream=\"app\",code=\"5xx\"} 3\n"))
    let labels = ##"route="orders",provider="company",reason="role_missing",blame="policy",upstream="""##
    #expect(metrics.contains("portcullis_refusals_total{\(labels)} 4\n"))
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
    let decided = DecidedRequest(rule, .refused(.tokenExpired, nil), RequestFacts(path: Array("/a".utf8), now: 0))
    let line =
      #"{"time":"2026-01-01T00:00:00Z","request_id":"ab","reason":"token_expired","provider":"company","#
      + #""claims":{"ssn":"123"}}"#
    var report = AdminReport()
    report.generation = 4
    report.providers = [.init(name: "company", issuer: "https://id.test", keys: 2, fetchedAtSeconds: 1, failures: 3)]
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
          "remote": .bool(true),
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
