import Configuration
import JSON
import Reason
import Sockets
import Testing

@testable import Gateway

@Suite("What came of a replay")
struct ReplayReportTests {
  private static let providers =
    "  company: { issuer: https://id.example.com, audiences: [a], jwks_url: https://id.example.com/jwks }"
  private static let routes = """
    routes:
      - { name: admin, path: /admin/**, auth: company, require: { roles: [admin] }, upstream: echo }
      - { name: tried, path: /tried/**, auth: company, try: { require: { roles: [admin] } }, upstream: echo }
      - { name: open, path: /open/**, auth: none, upstream: echo }
    """

  private static func line(_ id: String, _ path: String, _ more: String) -> String {
    #"{"time":"2026-01-31T08:49:37.000000Z","request_id":"\#(id)","client":"192.0.2.1","method":"GET","host":"a","#
      + #""path":"\#(path)",\#(more)}"#
  }

  private static let clerk = #""provider":"company","subject":"alice","claims":{"roles":["clerk"],"sub":"alice"}"#
  private static let log = [
    // Let through before, and refused now.
    line("r1", "/admin/x", #""route":"admin","status":200,"upstream":"echo",\#(clerk)"#),
    line("r2", "/admin/y", #""route":"admin","status":200,"upstream":"echo",\#(clerk)"#),
    line("r3", "/gone", #""route":"old one","status":200,"upstream":"old""#),
    // Refused before, and let through now.
    line("r4", "/open/x", #""route":"admin","status":401,"reason":"credential_missing""#),
    // As before.
    line("r5", "/open/y", #""route":"open","status":200,"upstream":"echo""#),
    line("r6", "/admin/z", #""route":"admin","status":403,"reason":"role_missing",\#(clerk)"#),
    line("r7", "/tried/z", #""route":"tried","status":200,"upstream":"echo",\#(clerk)"#),
    // Not to be told.
    line("r8", "/admin/z", #""route":"admin","status":200,"upstream":"echo","provider":"company","subject":"bob""#),
    line("r9", "/admin/z", #""status":400,"reason":"path_dot_segment""#),
    // No requests.
    #"{"time":"2026-01-31T08:49:37.000000Z","level":"info","message":"serving"}"#, "nonsense",
  ]

  private func report(_ lines: [String] = log, enforcing: Bool = false) throws -> ReplayReport {
    var replay = LogReplay(
      try configuration(providers: Self.providers, routes: Self.routes), enforcing: enforcing)
    for line in lines { replay.add(Array(line.utf8).span, .line) }
    return ReplayReport(replay)
  }

  @Test("For people: most requests first, and why others could not be decided")
  func text() throws {
    #expect(
      try report().text(groupsMax: 10) == """
        9 requests: 7 decided, 4 of them differently; 2 cannot be decided; 1 would be refused by what is tried \
        (--enforced); 1 lines are not the gateway's

        REQUESTS  WAS                     BECOMES           ROUTE             SUBJECT  PROVIDER  EXAMPLE
        2         allowed → echo          403 role_missing  admin             alice    company   r1
        1         401 credential_missing  allowed → echo    admin → open      -        -         r4
        1         allowed → old           404 no_route      "old one" → none  -        -         r3

        REQUESTS  CANNOT BE DECIDED                                           EXAMPLE
        1         a rule reads claims, and none were logged (log.claims)      r8
        1         refused before its rights were looked at: path_dot_segment  r9
        """)
  }

  @Test("Only so many groups are shown, and how many there are beside them")
  func groupsMax() throws {
    let text = try report().text(groupsMax: 1)
    #expect(text.contains("\nand 2 more groups: --limit, or --json"))
    #expect(!text.contains("credential_missing"))
  }

  @Test("What is tried is enforced where that is asked for")
  func enforced() throws {
    let text = try report(enforcing: true).text(groupsMax: 10)
    #expect(text.hasPrefix("9 requests: 7 decided, 5 of them differently; 2 cannot be decided; 1 lines"))
  }

  @Test("Nothing to say of an empty log")
  func empty() throws {
    #expect(try report([]).text(groupsMax: 10) == "0 requests: 0 decided, 0 of them differently")
  }

  @Test("For programs: everything, whatever is shown to people")
  func json() throws {
    let json = try #require(try report().json.object)
    for (name, number) in [
      ("requests", 9), ("decided", 7), ("otherwise", 4), ("otherwise_not_listed", 0), ("not_enforced", 1),
      ("messages", 1), ("unreadable_lines", 1),
    ] as [(String, Int64)] {
      #expect(json[name] == .integer(number), "\(name)")
    }
    let first = try #require(json["flips"]?.array?.first?.object)
    #expect(first["requests"] == .integer(2) && first["subject"] == .string("alice"))
    #expect(first["example"] == .string("r1") && first["is_of_others"] == .bool(false))
    #expect(
      first["was"]
        == .object([
          "verdict": .string("allowed"), "reason": .null, "route": .string("admin"), "upstream": .string("echo"),
        ]))
    #expect(
      first["becomes"]
        == .object([
          "verdict": .string("refused"), "reason": .string("role_missing"), "route": .string("admin"),
          "upstream": .null,
        ]))
    let undecided = try #require(json["undecided"]?.array).compactMap(\.object)
    #expect(Set(undecided.compactMap { $0["why"]?.string }) == ["claims_not_logged", "refused_before"])
    #expect(undecided.contains { $0["reason"] == .string("path_dot_segment") && $0["example"] == .string("r9") })
  }

  @Test(
    "What was answered without a route is decided by no route, whoever has the path in the candidate",
    arguments: [
      // Answered well; refused for a credential, a token or a rule; where nothing is; where its pages are now.
      ("/oauth/me", #""status":200"#, false), ("/oauth/me", #""status":401,"reason":"credential_missing""#, true),
      ("/oauth/me", #""status":401,"reason":"token_expired","provider":"company""#, true),
      ("/oauth/callback", #""status":403,"reason":"acr_insufficient""#, true),
      ("/oauth/nothing", #""status":404,"reason":"no_route""#, true),
      ("/.well-known/oauth-protected-resource", #""status":200"#, false),
      // A proxy has asked about it, or nobody has.
      ("/oauth/me", #""status":401,"reason":"credential_missing","route":"all""#, true),
      ("/oauth/me", #""status":200,"route":"all""#, true),
      ("/.portcullis/verify", #""status":200,"route":"all""#, true),
    ])
  func ownPaths(path: String, answered: String, isUndecidedHere: Bool) throws {
    let own = """
        company:
          issuer: https://id.example.com
          audiences: [a]
          code_flow: { client_id: a, url: "http://127.0.0.1:8080", state: /nowhere }
      """
    let more = """
      forward_auth: { path: /.portcullis/verify, peers: [127.0.0.1] }
      protected_resources: [{ resource: "http://127.0.0.1", providers: [company] }]
      """
    let line =
      #"{"time":"2026-01-31T08:49:37.000000Z","request_id":"r","client":"192.0.2.1","method":"GET","host":"127.0.0.1","#
      + #""path":"\#(path)",\#(answered)}"#
    var same = LogReplay(try configuration(providers: own, more), enforcing: false)
    same.add(Array(line.utf8).span, .line)
    #expect(same.flips.requests == 0 && same.requests == 1)
    #expect(Array(same.gaps.keys) == (isUndecidedHere ? [.answeredHere] : []))
    // All paths are a route's.
    var other = LogReplay(try configuration(providers: Self.providers), enforcing: false)
    other.add(Array(line.utf8).span, .line)
    if line.contains(#""route":"#) {
      #expect(other.decided == 1)
    } else if line.contains("no_route") {
      // A route that was not there takes it now, whatever was there.
      #expect(other.flips.requests == 1)
    } else {
      #expect(Array(other.gaps.keys) == [.answeredHere] && other.flips.requests == 0)
    }
  }

  @Test("A path that a route answered, and that is the candidate's own, is answered otherwise")
  func ownPathsAnew() throws {
    let own = """
        company:
          issuer: https://id.example.com
          audiences: [a]
          code_flow: { client_id: a, url: "http://127.0.0.1:8080", state: /nowhere }
      """
    var replay = LogReplay(try configuration(providers: own), enforcing: false)
    let line =
      #"{"time":"2026-01-31T08:49:37.000000Z","request_id":"r","client":"192.0.2.1","method":"GET","host":"127.0.0.1","#
      + #""path":"/oauth/me","status":200,"route":"all","upstream":"echo"}"#
    replay.add(Array(line.utf8).span, .line)
    #expect(replay.flips.changes.keys.map(\.becomes) == [.answeredHere])
  }

  @Test("L-1: what a log says controls no terminal")
  func hostile() throws {
    let line = Self.line(
      #"\u001b[2J"#, "/gone",
      #""route":"a\nb","status":200,"upstream":"\u202ex","subject":"\u009b","provider":"\u0007""#)
    let text = try report([line]).text(groupsMax: 10)
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0 == "\u{202E}" || $0 == "\u{9B}" })
    #expect(text.split(separator: "\n").count == 3)
  }
}

@Suite("Requests that are decided otherwise, bounded")
struct ReplayFlipsTests {
  private func change(_ route: String) -> ReplayFlips.Change {
    ReplayFlips.Change(route: route, was: nil, wasUpstream: nil, becomes: .refused(.noRoute, route: nil))
  }

  @Test("By what changes and by whose they are")
  func groups() {
    var flips = ReplayFlips()
    for (route, subject) in [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x"), ("a", nil)] {
      flips.add(change(route), subject: subject, provider: "p", example: route)
    }
    #expect(flips.requests == 5 && flips.rest == 0 && flips.others.isEmpty)
    #expect(flips.changes[change("a")]?[.init(subject: "x", provider: "p")]?.requests == 2)
    #expect(flips.changes[change("a")]?[.init(subject: nil, provider: "p")]?.requests == 1)
    #expect(flips.changes[change("b")]?.count == 1)
  }

  @Test("Changes for which there is no room are counted together")
  func changesMax() {
    var flips = ReplayFlips()
    for number in 0..<2010 { flips.add(change("\(number)"), subject: nil, provider: nil, example: "") }
    flips.add(change("5"), subject: nil, provider: nil, example: "")
    #expect(flips.changes.count == 2000 && flips.rest == 10 && flips.requests == 2011)
    #expect(flips.changes[change("5")]?.values.first?.requests == 2)
  }

  @Test("Senders for whom there is no room are counted by the change alone; those who are known go on")
  func sendersMax() {
    var flips = ReplayFlips()
    for number in 0..<50_010 { flips.add(change("a"), subject: "\(number)", provider: nil, example: "\(number)") }
    flips.add(change("b"), subject: "new", provider: nil, example: "e")
    flips.add(change("a"), subject: "7", provider: nil, example: "")
    #expect(flips.changes[change("a")]?.count == 50_000)
    #expect(flips.others[change("a")]?.requests == 10 && flips.others[change("a")]?.example == "50000")
    #expect(flips.others[change("b")]?.requests == 1 && flips.requests == 50_012 && flips.rest == 0)
    #expect(flips.changes[change("a")]?[.init(subject: "7", provider: nil)]?.requests == 2)
  }

  @Test("Of a long subject no more is kept than tells it from others")
  func longSubjects() throws {
    var flips = ReplayFlips()
    let long = String(repeating: "x", count: 1000)
    for subject in [long, long, long + "y"] {
      flips.add(change("a"), subject: subject, provider: nil, example: String(repeating: "e", count: 1000))
    }
    let senders = try #require(flips.changes[change("a")])
    #expect(senders.count == 2)
    #expect(senders.keys.allSatisfy { ($0.subject ?? "").utf8.count < 100 })
    #expect(senders.values.allSatisfy { $0.example.utf8.count < 100 })
    #expect(Set(senders.values.map(\.requests)) == [1, 2])
  }
}
