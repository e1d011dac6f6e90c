import Sockets
import Telemetry
import Testing

@testable import Gateway

private let refused =
  #"{"time":"2026-01-31T08:49:37.123456Z","request_id":"00ab","client":"192.0.2.1","method":"GET","host":"a","#
  + #""path":"/admin","route":"admin","status":403,"reason":"role_missing","blame":"policy","total_us":850}"#
private let passed =
  "time=2026-01-31T08:49:38.000000Z request_id=00ac client=192.0.2.2 method=GET host=a path=/ route=all status=200 "
  + "upstream=app total_us=1200"
private let message = "time=2026-01-31T08:49:39.000000Z level=warning message=\"a server is down\" upstream=app"
private let foreign = "GET / \u{1B}[2J"

@Suite("What `logs` makes of lines")
struct LogOutputTests {
  private func output(
    _ form: LogOutput.Form, isForPeople: Bool = false, _ change: (inout LogFilter) -> Void = { _ in },
    lines: [(String, LineReader.Piece)] = [refused, passed, message, foreign].map { ($0, .line) }
  ) -> LogOutput {
    var filter = LogFilter()
    change(&filter)
    var output = LogOutput(filter, form: form, isForPeople: isForPeople)
    for (line, piece) in lines { output.add(Array(line.utf8).span, piece) }
    return output
  }

  private func text(_ output: LogOutput) -> String { String(decoding: output.bytes, as: UTF8.self) }

  @Test("As text: what cannot be read is passed on, while nothing is looked for")
  func readable() {
    let all = output(.text(hasColours: false))
    #expect(
      text(all) == """
        2026-01-31 08:49:37.123  403  role missing (policy)  GET a/admin  from 192.0.2.1  850 µs  00ab
        2026-01-31 08:49:38.000  200  GET a/  from 192.0.2.2  → app  1.2 ms
        2026-01-31 08:49:39.000  WARNING  a server is down  upstream=app
        \(foreign)

        """)
    #expect(all.unreadable == 1)
    let some = output(.text(hasColours: false)) { $0.values = ["reason": ["role_missing"]] }
    #expect(text(some).split(separator: "\n").count == 1 && some.unreadable == 1)
  }

  @Test("L-1: in front of people no byte of a line that cannot be read controls the terminal")
  func terminal() {
    let all = output(.text(hasColours: false), isForPeople: true)
    #expect(text(all).hasSuffix("\nGET / \\u001b[2J\n") && !all.bytes.contains(0x1B))
    let lines = [
      ("{\"time\":\"2026-01-31T08:49:37.000000Z\",\"request_id\":\"\u{9B}2J\",\"status\":200}", LineReader.Piece.line)
    ]
    #expect(!text(output(.unchanged, isForPeople: true, lines: lines)).unicodeScalars.contains("\u{9B}"))
    #expect(text(output(.unchanged, lines: lines)).unicodeScalars.contains("\u{9B}"))
  }

  @Test("Unchanged: lines of the gateway alone, byte for byte")
  func unchanged() {
    let all = output(.unchanged)
    #expect(text(all) == [refused, passed, message, ""].joined(separator: "\n"))
    #expect(all.unreadable == 1)
  }

  @Test(
    "Only what is looked for",
    arguments: [
      (["reason": ["role_missing", "scope_missing"]], false, nil, nil, [refused]),
      (["route": ["admin"], "reason": ["scope_missing"]], false, nil, nil, []),
      (["route": ["all"]], false, nil, nil, [passed]),
      (["upstream": ["app"]], false, nil, nil, [passed]), (["upstream": ["app"]], true, nil, nil, [message]),
      ([:], true, nil, nil, [message]),
      ([:], false, "2026-01-31T08:49:38.000000Z", nil, [passed, message]),
      ([:], false, nil, "2026-01-31T08:49:38.000000Z", [refused]),
      ([:], false, "2026-01-31T08:49:37.123457Z", "2026-01-31T08:49:38.000001Z", [passed]),
    ] as [([String: Set<String>], Bool, String?, String?, [String])])
  func filtered(
    values: [String: Set<String>], isOfMessages: Bool, since: String?, until: String?, lines: [String]
  ) {
    let some = output(.unchanged) {
      $0.values = values
      $0.isOfMessages = isOfMessages
      $0.since = since
      $0.until = until
    }
    #expect(text(some) == lines.map { $0 + "\n" }.joined())
  }

  @Test("A line in several parts cannot be read, and is counted once")
  func parts() {
    let lines: [(String, LineReader.Piece)] = [("xx", .part), ("yy", .part), ("zz", .lastPart), (passed, .line)]
    let all = output(.text(hasColours: false), lines: lines)
    #expect(all.unreadable == 1 && text(all).hasPrefix("xxyyzz\n2026-01-31 08:49:38.000  200"))
    #expect(text(output(.unchanged, lines: lines)) == passed + "\n")
    // A part that reads as a line is none.
    #expect(output(.summary, lines: [(refused, .part), (passed, .lastPart)]).summary.all == nil)
  }

  @Test("A summary writes nothing meanwhile, and counts what is looked for")
  func summary() {
    let all = output(.summary)
    #expect(all.bytes.isEmpty && all.unreadable == 1)
    #expect(
      all.summary.text == """
        2 requests, 1 with a reason, from 2026-01-31T08:49:37.123456Z to 2026-01-31T08:49:38.000000Z

        BLAME   REQUESTS  FIRST                        LAST
        policy  1         2026-01-31T08:49:37.123456Z  2026-01-31T08:49:37.123456Z

        REASON        BLAME   REQUESTS  FIRST                        LAST
        role_missing  policy  1         2026-01-31T08:49:37.123456Z  2026-01-31T08:49:37.123456Z

        ROUTE  REQUESTS  WITH A REASON  FIRST                        LAST
        admin  1         1              2026-01-31T08:49:37.123456Z  2026-01-31T08:49:37.123456Z
        all    1         0              2026-01-31T08:49:38.000000Z  2026-01-31T08:49:38.000000Z
        """)
    #expect(output(.summary) { $0.values = ["route": ["none"]] }.summary.text == "no requests")
    #expect(
      output(.summary) { $0.values = ["route": ["all"]] }.summary.text.hasPrefix("1 request, 0 with a reason, from "))
  }

  @Test("Unreadable lines are complained of in the right number")
  func complaint() {
    #expect(LogLine.complaint(unreadable: 0) == nil)
    #expect(LogLine.complaint(unreadable: 1)?.hasPrefix("1 line is neither JSON nor logfmt") == true)
    #expect(LogLine.complaint(unreadable: 2)?.hasPrefix("2 lines are neither JSON nor logfmt") == true)
  }
}
