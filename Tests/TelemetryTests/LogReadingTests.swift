import HTTP
import Reason
import Testing

@testable import Telemetry

private let refused = """
  {"time":"2026-01-31T08:49:37.123456Z","request_id":"00ab","client":"192.0.2.1","method":"GET","host":"a.example",\
  "path":"/admin","route":"admin","status":403,"reason":"role_missing","blame":"policy","subject":"alice",\
  "total_us":850,"bytes_in":5,"bytes_out":7,"config":1}
  """
private let passed =
  "time=2026-01-31T08:49:38.000000Z request_id=00ac client=192.0.2.2 method=POST host=a.example path=\"/a b\" "
  + "route=all status=200 upstream=app retries=1 total_us=1234567 bytes_in=5 bytes_out=7 config=1"
private let message =
  "time=2026-01-31T08:49:39.000000Z level=warning message=\"a \\\"server\\\" is down\" upstream=app why=\"no answer\""

private func line(_ text: String) -> LogLine? { LogLine(Array(text.utf8).span) }

@Suite("Reading logs")
struct LogReadingTests {
  @Test("JSON and logfmt are read alike")
  func parse() throws {
    let first = try #require(line(refused))
    #expect(first.kind == .access && first["reason"] == "role_missing" && first.number("total_us") == 850)
    let second = try #require(line(passed))
    #expect(second.kind == .access && second["path"] == "/a b" && second["reason"] == nil)
    let third = try #require(line(message))
    #expect(third.kind == .message && third["message"] == "a \"server\" is down")
    #expect(line(#"{"time":"2026-01-31T08:49:39.000000Z","level":"info","message":"m","n":[1]}"#)?["n"] == "[1]")
  }

  @Test(
    "What is no line of ours",
    arguments: [
      "", "{", "}", "=", "a=", "nonsense", "time=2026-01-31T08:49:38.000000Z", #"{"time":1,"status":403}"#,
      #"192.0.2.1 - - [31/Jan/2026:08:49:37 +0000] "GET /a=b HTTP/1.1" 200 7 "-" "-""#,
      #"{"time":"2026-01-31T08:49:39.000000Z","time":"2026-01-31T08:49:39.000000Z","request_id":"","status":200}"#,
      #"time=2026-01-31T08:49:38.000000Z request_id="a status=200"#,
      #"time=2026-01-31T08:49:38.000000Z request_id="a"b status=200"#,
      "time=2026-01-31T08:49:38.000000Z request_id=a status=2000", "time=2026-01-31 08:49:38 request_id=a status=200",
      "time=2026-01-31T08:49:38.000000Z request_id=a status=200 status=403",
      "time=2026-01-31T08:49:38.000000Z  request_id=a status=200", #"time="\"#, #"time="\u"#,
    ])
  func foreign(text: String) { #expect(line(text) == nil) }

  @Test("Any cut and any changed byte is read as a line, or as none")
  func mutations() {
    for text in [refused, passed, message] {
      let bytes = Array(text.utf8)
      for index in bytes.indices {
        for changed: [UInt8] in [[], [0], [0x22], [0x5C], [0x20], [0x3D], [0xFF], [0x7B]] {
          let text = Array(bytes[..<index]) + changed + Array(bytes[(index + 1)...])
          _ = LogLine(text.span)
        }
        _ = LogLine(Array(bytes[..<index]).span)
        _ = LogLine(Array(bytes[index...]).span)
      }
    }
  }

  @Test("What the encoder writes is read again")
  func written() throws {
    func check<Format: LineFormat>(_: Format.Type) {
      for byte in UInt8.min...0x7F {
        var encoder = LineEncoder<Format>()
        encoder.begin(at: 0)
        encoder.add("request_id", "a")
        encoder.add("status", Int64(200))
        let subject = "\(Unicode.Scalar(byte))é\u{202E} =\"\\x"
        encoder.add("subject", subject)
        encoder.end()
        let read = encoder.withLine { LogLine($0.extracting(0..<$0.count - 1)) }
        #expect(read?["subject"] == subject)
      }
    }
    check(JSONFormat.self)
    check(LogfmtFormat.self)
  }

  @Test("A line for people")
  func text() throws {
    let plain = LogLineText(hasColours: false)
    #expect(
      plain.text(of: try #require(line(refused)))
        == "2026-01-31 08:49:37.123  403  role missing (policy)  GET a.example/admin  alice from 192.0.2.1  850 µs"
        + "  00ab")
    #expect(
      plain.text(of: try #require(line(passed)))
        == "2026-01-31 08:49:38.000  200  POST \"a.example/a b\"  from 192.0.2.2  → app (1 retried)  1.2 s")
    #expect(
      plain.text(of: try #require(line(message)))
        == "2026-01-31 08:49:39.000  WARNING  a \"server\" is down  upstream=app why=\"no answer\"")
    #expect(LogLineText(hasColours: true).text(of: try #require(line(passed))).contains("\u{1B}[32m200\u{1B}[0m"))
    #expect(
      plain.text(of: try #require(line("time=2026-01-31T08:49:38.000000Z request_id=a status=400")))
        == "2026-01-31 08:49:38.000  400  - -")
  }

  @Test("L-1: nothing in a line controls a terminal, or looks like what is beside it")
  func hostile() throws {
    let names: [StaticString] = [
      "client", "method", "host", "path", "reason", "blame", "subject", "upstream", "request_id",
    ]
    for harmful: Unicode.Scalar in [
      "\u{1B}", "\u{9B}", "\u{85}", "\n", "\r", "\u{8}", "\u{7F}", "\u{2028}", "\u{202E}", "\u{2066}", "\u{FEFF}",
    ] {
      for name in names {
        var encoder = LineEncoder<JSONFormat>()
        encoder.begin(at: 0)
        encoder.add("status", Int64(403))
        for other in names {
          encoder.add(other, "\(other)" == "\(name)" ? "a\(harmful)[31m  → b" : "a")
        }
        encoder.end()
        let read = try #require(encoder.withLine { LogLine($0.extracting(0..<$0.count - 1)) })
        let text = LogLineText(hasColours: false).text(of: read)
        #expect(!text.unicodeScalars.contains(harmful) && text.contains("\\u"), "\(name)")
      }
    }
    #expect(TerminalText.word("a b") == "\"a b\"" && TerminalText.word("") == "\"\"" && TerminalText.word("é") == "é")
    #expect(TerminalText.word("a\"b") == "\"a\\\"b\"")
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let filter: LogFilter
    /// Whether the refused request, the one that passed and the message are wanted.
    let admits: [Bool]

    init(_ name: String, _ admits: [Bool], _ change: (inout LogFilter) -> Void) {
      testDescription = name
      self.admits = admits
      var filter = LogFilter()
      change(&filter)
      self.filter = filter
    }
  }

  @Test(
    "What a filter lets through",
    arguments: [
      Row("all", [true, true, true]) { _ in },
      Row("reason", [true, false, false]) { $0.values["reason"] = ["role_missing", "no_route"] },
      Row("another reason", [false, false, false]) { $0.values["reason"] = ["no_route"] },
      Row("a class", [true, false, false]) { $0.statuses = ["4xx"].compactMap(LogFilter.Statuses.init) },
      Row("a status", [false, true, false]) { $0.statuses = ["200", "5xx"].compactMap(LogFilter.Statuses.init) },
      Row("client and route", [true, false, false]) {
        $0.values["client"] = ["192.0.2.1"]
        $0.values["route"] = ["admin"]
      },
      Row("client or route", [false, false, false]) {
        $0.values["client"] = ["192.0.2.2"]
        $0.values["route"] = ["admin"]
      },
      Row("since", [false, true, true]) { $0.since = "2026-01-31T08:49:38.000000Z" },
      Row("until", [true, false, false]) { $0.until = "2026-01-31T08:49:38.000000Z" },
    ])
  func filter(_ row: Row) throws {
    let lines = try [refused, passed, message].map { try #require(line($0)) }
    #expect(lines.map { row.filter.admits($0) } == row.admits)
  }

  @Test("A path is found in both spellings", arguments: ["/a:b", "/a%3Ab", "/a%3ab/"])
  func pathSpellings(wanted: String) throws {
    var filter = LogFilter()
    filter.paths = [wanted]
    for (path, isFound) in [
      ("/a:b/c", true), ("/a%3Ab/c", true), ("/a%3Abc", false), ("/a%2Fb/c", false), ("/a%253Ab/c", false),
    ] {
      let found = try #require(line(refused.replacing("\"/admin\"", with: "\"\(path)\"")))
      #expect(filter.admits(found) == isFound, "\(path)")
    }
  }

  @Test("Statuses", arguments: ["", "4", "4x", "0xx", "6xx", "4xxx", "40x", "600", "-40", "é00"])
  func noStatuses(text: String) { #expect(LogFilter.Statuses(text) == nil) }

  @Test("A summary counts, and says when")
  func summary() throws {
    var summary = LogSummary()
    for text in [passed, refused, refused, message] { summary.add(try #require(line(text))) }
    #expect(summary.all?.requests == 3 && summary.all?.refused == 2)
    #expect(summary.all?.first == "2026-01-31T08:49:37.123456Z" && summary.all?.last == "2026-01-31T08:49:38.000000Z")
    #expect(summary.byReason.map(\.word) == ["role_missing"] && summary.byReason.map(\.requests) == [2])
    #expect(summary.byReason.map(\.blame) == ["policy"] && summary.byBlame.map(\.word) == ["policy"])
    #expect(summary.byRoute.map(\.word) == ["admin", "all"])
  }

  @Test("A summary holds a bounded number of words")
  func bounded() throws {
    var summary = LogSummary()
    for index in 0..<LogSummary.wordsMax + 100 {
      summary.add(try #require(line("time=2026-01-31T08:49:38.000000Z request_id=a status=200 route=r\(index)")))
    }
    #expect(summary.byRoute.count == LogSummary.wordsMax + 1)
    #expect(summary.byRoute.first?.word == LogSummary.otherWords && summary.byRoute.first?.requests == 100)
  }
}
