import Admin
import JSON
import Reason
import Telemetry
import Testing

@testable import Gateway

@Suite("What became of a request, for people")
struct WhyTextTests {
  private func text(_ members: String, hasColours: Bool = false) throws -> String {
    let story = try JSON.parse(Array("{\(members)}".utf8).span)
    return WhyText(try #require(story.object), hasColours: hasColours).text
  }

  @Test("A refusal with everything that is known of it")
  func refusal() throws {
    let text = try text(
      #"""
      "time":"2026-01-31T08:49:37.123456Z","request_id":"00ab","same_id":2,"method":"GET","host":"a.example",
      "path":"/private","status":403,"reason":"role_missing","meaning":"No role.","advice":"Give one.",
      "blame":"policy","subject":"bob","provider":"company","client":"192.0.2.1","route":"private","key_id":"k 1",
      "key_set":{"keys":1,"fetched":"2026-01-31T08:47:37Z","failures":2},"config":1,"config_in_force":3,
      "total_us":850,"checks":[
      {"holds":true,"expected":"a token of company","found":"one"},
      {"holds":false,"expected":"any of","found":"none","tried":true,"inner":[
      {"holds":false,"expected":"the role admin","found":"clerk"}]}]
      """#)
    #expect(
      text == """
        request     00ab, one of 2 with this id
        when        2026-01-31T08:49:37.123456Z
        asked       GET a.example/private
        answer      403
        reason      role_missing
                    No role.
        whose       policy
        who         bob of company, from 192.0.2.1
        route       private
        checks
          holds  a token of company; found one
          LACKS  any of; found none (tried)
            LACKS  the role admin; found clerk
        keys        the token names key "k 1"; company has 1 key, fetched 2m before the request; 2 fetches failed since
        config      generation 1; 3 is in force now
        took        850 µs
        what to do  Give one.
        """)
  }

  @Test("Nothing known is nothing said, but that there is nothing")
  func empty() throws {
    #expect(
      try text("") == """
        asked       no request line could be read
        reason      none: it was not refused
        who         nobody known
        """)
  }

  struct Row: CustomTestStringConvertible, Sendable {
    let members: String
    let line: String
    var testDescription: String { line }
  }

  private static func keyUnknown(
    _ reason: String = "key_unknown", fetched: String, isRemote: Bool = true, failures: Int = 0, _ words: String
  ) -> Row {
    Row(
      members: """
        "provider":"p","reason":"\(reason)","time":"2026-01-31T08:00:00.5Z",\
        "key_set":{"keys":2,"fetched":"2026-01-31T\(fetched)","failures":\(failures),"remote":\(isRemote)}
        """, line: "keys        p has 2 keys, \(words)")
  }

  @Test(
    "A line at a time",
    arguments: [
      Row(members: #""method":"GET""#, line: "asked       GET"),
      Row(members: #""method":"GET","host":"a""#, line: "asked       GET a"),
      Row(
        members: #""method":"GET","host":"a","reason":"path_ambiguous""#,
        line: "asked       GET a, whose path was refused"),
      Row(members: #""method":"GET","host":"a","path":"/b c""#, line: "asked       GET \"a/b c\""),
      Row(members: #""status":499"#, line: "answer      none: the client was gone (499)"),
      Row(members: #""status":200"#, line: "answer      200"),
      Row(members: #""provider":"company""#, line: "who         somebody of company"),
      Row(members: #""client":"192.0.2.1""#, line: "who         nobody known, from 192.0.2.1"),
      Row(
        members: #""shadow":"role_missing""#,
        line: "shadow      role_missing: what is tried would have refused it, and is not enforced"),
      Row(members: #""upstream":"app""#, line: "upstream    app, never connected, no answer"),
      Row(
        members: #""upstream":"app","retries":1,"connect_us":5,"first_byte_us":9"#,
        line: "upstream    app, 1 retried, connected in 5 µs, answered after 9 µs"),
      Row(
        members: #""upstream":"app","retries":0,"connect_us":5"#, line: "upstream    app, connected in 5 µs, no answer"),
      Row(members: #""config":2,"config_in_force":2"#, line: "config      generation 2"),
      Row(members: #""config":2"#, line: "config      generation 2"),
      Row(
        members:
          #""provider":"p","time":"2026-01-31T08:00:00.5Z","key_set":{"keys":2,"fetched":"2026-01-31T09:30:00Z","failures":1}"#,
        line: "keys        p has 2 keys, fetched 1h30m after the request; 1 fetch failed since"),
      keyUnknown(
        fetched: "07:59:51Z", "fetched 9s before the request; not fetched again for it, as that was too soon"),
      keyUnknown(fetched: "07:59:51Z", isRemote: false, "fetched 9s before the request"),
      keyUnknown(fetched: "08:00:00Z", "fetched 0s before the request"),
      keyUnknown(fetched: "07:59:30Z", "fetched 30s before the request"),
      keyUnknown(fetched: "08:00:10Z", "fetched 10s after the request"),
      keyUnknown(fetched: "07:59:51Z", failures: 6, "fetched 9s before the request; 6 fetches failed since"),
      keyUnknown("signature_invalid", fetched: "07:59:51Z", "fetched 9s before the request"),
      Row(members: #""provider":"p","key_set":{"keys":0,"failures":0}"#, line: "keys        p has 0 keys"),
      Row(
        members:
          #""provider":"p","time":"2026-01-31T08:00:00.5Z","key_set":{"keys":0,"fetched":"2026-01-30T07:00:00Z","failures":16}"#,
        line: "keys        p has 0 keys; the last ones were fetched 1d1h before the request; 16 fetches failed since"),
      Row(members: #""total_us":1"#, line: "took        1 µs"),
    ])
  func line(row: Row) throws {
    let lines = try text(row.members).split(separator: "\n").map(String.init)
    #expect(lines.contains(row.line), "\(lines)")
  }

  @Test("L-1: whatever a request said, it neither ends a line nor controls the terminal")
  func hostile() throws {
    let evil = #"a\u001b[2J\nreason      none\u202e"#
    let names = [
      "request_id", "time", "method", "host", "path", "reason", "meaning", "advice", "blame", "subject", "provider",
      "client", "route", "key_id", "upstream", "shadow",
    ]
    let members = names.map { "\"\($0)\":\"\(evil)\"" }.joined(separator: ",")
    let text = try text(
      members + #","checks":[{"holds":false,"expected":"\#(evil)","found":"\#(evil)"}],"key_set":{"keys":1}"#)
    #expect(!text.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
    #expect(!text.split(separator: "\n").contains("reason      none"))
    // One line each; host and path share one, and so do who it is, by whom and from where.
    #expect(text.split(separator: "\n").count == 14)
  }

  @Test("Colours are put in where they are wanted")
  func colours() throws {
    let refused = try text(#""reason":"role_missing","advice":"Do.""#, hasColours: true)
    #expect(refused.contains("reason      \u{1B}[31mrole_missing\u{1B}[0m"))
    #expect(refused.contains("what to do  \u{1B}[1mDo.\u{1B}[0m"))
    #expect(try text("", hasColours: true).contains("\u{1B}[32mnone: it was not refused\u{1B}[0m"))
  }
}

@Suite("What a log says of a request")
struct StoryTests {
  private func line(_ more: String) throws -> LogLine {
    try logLine("time=2026-01-31T08:49:38.000000Z request_id=a status=200 \(more)")
  }

  @Test("Of several lines with an id: refusals first, then those of who is known, then the first")
  func order() throws {
    let ranked = [
      try line("subject=alice reason=role_missing"), try line("reason=credential_missing"),
      try line("subject=alice"), try line("route=all"),
    ]
    for (index, first) in ranked.enumerated() {
      for (otherIndex, other) in ranked.enumerated() {
        #expect(first.goesBefore(other) == (index < otherIndex), "\(index), \(otherIndex)")
      }
    }
  }

  @Test("A token that is genuine makes its sender known, whatever it was refused for")
  func genuine() throws {
    #expect(try line("reason=token_expired").goesBefore(line("reason=signature_invalid")))
    #expect(try !line("reason=signature_invalid").goesBefore(line("reason=token_expired")))
  }

  @Test("Numbers and claims are what JSON has, also where logfmt said them; meaning and advice are added")
  func members() throws {
    let story = try line(#"reason=role_missing total_us=850 bytes_in=x subject=7 claims="{\"roles\":[]}""#).story(
      sameID: 2)
    #expect(story["status"] == .integer(200) && story["total_us"] == .integer(850) && story["same_id"] == .integer(2))
    #expect(story["bytes_in"] == .string("x") && story["subject"] == .string("7"))
    #expect(story["claims"] == .object(["roles": .array([])]))
    #expect(story["meaning"]?.string == Reason.roleMissing.meaning(isTried: false))
    #expect(story["advice"]?.string == Reason.roleMissing.advice)
    let ofSignIn = try line("reason=role_missing provider=local").story(sameID: 1, signingIn: ["local"])
    #expect(ofSignIn["advice"]?.string == Reason.roleMissing.adviceOfSignIn)
    let ofOther = try line("reason=role_missing provider=company").story(sameID: 1, signingIn: ["local"])
    #expect(ofOther["advice"]?.string == Reason.roleMissing.advice)
    let tried = try line("reason=role_missing tried=route claims=…").story(sameID: 1)
    #expect(tried["meaning"]?.string == Reason.roleMissing.meaning(isTried: true))
    #expect(tried["claims"] == .string("…") && tried["same_id"] == nil)
    #expect(try line("reason=nonsense").story(sameID: 1)["meaning"] == nil)
  }
}
