import Foundation
import HTTP
import JSON
import Reason
import Sockets
import Synchronization
import TestSupport
import Testing

@testable import Telemetry

@Suite("Access lines")
struct AccessLogTests {
  /// A record in which everything is said.
  static var full: AccessRecord {
    var record = AccessRecord()
    record.startedAtNanoseconds = 1_700_000_000_000_001_000
    record.requestIDHigh = 1
    record.requestIDLow = 0xAB
    record.trace = TraceFacts(
      traceHigh: 0x0AF7_6519_16CD_43DD, traceLow: 0x8448_EB21_1C80_319C, span: 0xB7, parent: 0xB9, upstreamSpan: 0xBA,
      isSecured: true, routePath: "/a/*", forwardedMicroseconds: 5, upstreamStatus: 404)
    record.client = AddressText("192.0.2.1")
    record.text = Array("GETa.example/a b".utf8)
    record.method = ByteRange(0, 3)
    record.host = ByteRange(3, 12)
    record.path = ByteRange(12, 16)
    record.route = "orders"
    record.status = 403
    record.reason = .roleMissing
    record.isRefusedByTried = true
    record.unenforced = .scopeMissing
    record.provider = "company"
    record.subject = "al\"ice"
    record.claims = Array(#"{"roles":["a\"b"],"tenant":null}"#.utf8)
    record.keyID = "k1"
    record.cache = .hit
    record.upstream = "backend"
    record.retries = 1
    record.authenticationMicroseconds = 17
    record.connectMicroseconds = 2
    record.firstByteMicroseconds = 30
    record.totalMicroseconds = 41
    record.bytesIn = 5
    record.bytesOut = UInt64.max
    record.generation = 2
    record.revokedBy = .listedSubject
    return record
  }

  private func written(_ format: AccessLog.Format, _ records: [AccessRecord]) throws -> String {
    let folder = try TemporaryFolder()
    let log = try AccessLog(.file(folder.path + "/log"), format: format) { _ in }
    let ring = log.makeRing()
    #expect(ring.isOn)
    for record in records { ring.write(record) }
    log.flushAndStop()
    return try folder.text("log")
  }

  @Test("A line says all that is known, in its order")
  func fullLine() throws {
    #expect(
      try written(.json, [Self.full]) == """
        {"time":"2023-11-14T22:13:20.000001Z","request_id":"000000000000000100000000000000ab",\
        "trace_id":"0af7651916cd43dd8448eb211c80319c",\
        "client":"192.0.2.1","method":"GET","host":"a.example","path":"/a b","route":"orders","status":403,\
        "reason":"role_missing","blame":"policy","tried":"role_missing","revoked_by":"file_sub",\
        "shadow":"scope_missing","provider":"company","subject":"al\\"ice",\
        "claims":{"roles":["a\\"b"],"tenant":null},"key_id":"k1","cache":"hit","upstream":"backend","retries":1,\
        "auth_us":17,"connect_us":2,"first_byte_us":30,"total_us":41,"bytes_in":5,"bytes_out":18446744073709551615,\
        "config":2}

        """)
    #expect(
      try written(.logfmt, [Self.full]) == """
        time=2023-11-14T22:13:20.000001Z request_id=000000000000000100000000000000ab \
        trace_id=0af7651916cd43dd8448eb211c80319c client=192.0.2.1 \
        method=GET host=a.example path="/a b" route=orders status=403 reason=role_missing blame=policy \
        tried=role_missing revoked_by=file_sub shadow=scope_missing \
        provider=company subject="al\\"ice" claims="{\\"roles\\":[\\"a\\\\\\"b\\"],\\"tenant\\":null}" \
        key_id=k1 cache=hit upstream=backend retries=1 auth_us=17 connect_us=2 first_byte_us=30 total_us=41 \
        bytes_in=5 bytes_out=18446744073709551615 config=2

        """)
  }

  @Test("docs/logs.md has every field that is written, in its order, and no other")
  func documented() throws {
    // A field that the full record leaves out would not be seen.
    for child in Mirror(reflecting: Self.full).children where child.label != "requestIDGiven" {
      let value = Mirror(reflecting: child.value)
      #expect(value.displayStyle != .optional || value.children.count == 1, "\(child.label ?? "")")
    }
    let line = try written(.json, [Self.full])
    let members = try #require(try JSON.parse(Array(line.utf8.dropLast()).span).object).members
    // Read where the sources are, not where the test runs.
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "docs/logs.md"), encoding: .utf8)
    let rows = page.split(separator: "\n").drop { $0 != "## The access log" }.dropFirst()
      .prefix { !$0.hasPrefix("## ") }.filter { $0.hasPrefix("| `") }
      .map { row in row.split(separator: "|").map { $0.trimmingPrefix(" ") } }
    #expect(rows.map { $0[0].split(separator: "`").first.map(String.init) } == members.map(\.name))
    for (row, member) in zip(rows, members) {
      let isText = ["text", "word", "time"].contains { row[1].hasPrefix($0) }
      #expect(isText == (member.value.string != nil), "\(member.name) is documented as \(row[1])")
    }
  }

  @Test("What is not known is left out")
  func leastLine() throws {
    var record = AccessRecord()
    record.status = 400
    record.reason = .requestLineInvalid
    #expect(
      try written(.json, [record]) == """
        {"time":"1970-01-01T00:00:00.000000Z","request_id":"00000000000000000000000000000000","status":400,\
        "reason":"request_line_invalid","blame":"client","total_us":0,"bytes_in":0,"bytes_out":0,"config":0}

        """)
  }

  @Test("L-1: a line for each record, whatever is in it")
  func hostile() throws {
    var records: [AccessRecord] = []
    for byte in UInt8.min...UInt8.max {
      var record = Self.full
      record.text = Array(repeating: byte, count: 16)
      record.subject = "a\(Unicode.Scalar(byte))\u{2028}\u{85}\nb"
      record.keyID = String(repeating: "\r\n\"\\", count: 3000)
      records.append(record)
    }
    let text = try written(.json, records)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count == records.count)
    #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 })
    for line in lines {
      let members = try JSON.parse(Array(line.utf8).span).object
      #expect(members?["status"] == .integer(403))
    }
  }

  @Test("Combined Log Format")
  func combined() throws {
    var least = AccessRecord()
    least.status = 400
    var named = Self.full
    named.subject = "-"
    named.path = .empty
    var unnamed = Self.full
    unnamed.subject = ""
    unnamed.startedAtNanoseconds = 951_827_696_000_000_999
    #expect(
      try written(.combined, [Self.full, least, named, unnamed]) == """
        192.0.2.1 - al\\x22ice [14/Nov/2023:22:13:20 +0000] "GET /a\\x20b HTTP/1.1" 403 18446744073709551615 "-" "-"
        - - - [01/Jan/1970:00:00:00 +0000] "-" 400 0 "-" "-"
        192.0.2.1 - \\x2D [14/Nov/2023:22:13:20 +0000] "GET - HTTP/1.1" 403 18446744073709551615 "-" "-"
        192.0.2.1 - "" [29/Feb/2000:12:34:56 +0000] "GET /a\\x20b HTTP/1.1" 403 18446744073709551615 "-" "-"

        """)
  }

  @Test("L-1: a line of the Combined Log Format has its fields whatever is in it")
  func hostileCombined() throws {
    var records: [AccessRecord] = []
    for byte in UInt8.min...UInt8.max {
      var record = Self.full
      record.text = Array(repeating: byte, count: 16)
      record.subject = "a\(Unicode.Scalar(byte))\u{2028}\u{85}\n\" 200 b" + String(repeating: "\u{1B}\\", count: 3000)
      records.append(record)
    }
    let text = try written(.combined, records)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count == records.count)
    let form = try Regex(#"192\.0\.2\.1 - [!-~]+ \[[^ ]+ \+0000\] "[!-~]+ [!-~]+ HTTP/1\.1" 403 [0-9]+ "-" "-""#)
    for line in lines { #expect(try form.wholeMatch(in: line) != nil) }
  }

  @Test("A file that was rotated away is opened anew")
  func reopen() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/log"
    let isReopened = Mutex(false)
    let log = try AccessLog(.file(path), format: .logfmt) { event in
      if case .reopened = event { isReopened.withLock { $0 = true } }
    }
    let ring = log.makeRing()
    ring.write(Self.full)
    for _ in 0..<500 where try folder.text("log").isEmpty { Thread.sleep(forTimeInterval: 0.01) }
    try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
    log.reopen()
    // Until then lines may still go to the old one.
    for _ in 0..<500 where !isReopened.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.01) }
    var second = Self.full
    second.status = 200
    ring.write(second)
    log.flushAndStop()
    #expect(try folder.text("log.1").contains("status=403"))
    let fresh = try folder.text("log")
    #expect(fresh.contains("status=200") && !fresh.contains("status=403"))
  }

  @Test("A refusal is remembered as JSON, whatever the log's format is", arguments: ["json", "logfmt", "combined"])
  func remembered(name: String) throws {
    let format: AccessLog.Format = name == "json" ? .json : name == "logfmt" ? .logfmt : .combined
    let folder = try TemporaryFolder()
    let log = try AccessLog(.file(folder.path + "/log"), format: format) { _ in }
    let ring = log.makeRing(remembersRefusals: true)
    var passed = Self.full
    passed.reason = nil
    for record in [passed, Self.full] { ring.write(record) }
    log.flushAndStop()
    #expect(try folder.text("log") == (try written(format, [passed, Self.full])))
    let lines = ring.recentRefusals.flatMap(\.latestFirst).map(\.line)
    #expect(lines.map { String(decoding: $0, as: UTF8.self) } == [try written(.json, [Self.full])])
  }

  @Test("A log that is off has no lines")
  func off() throws {
    let log = try AccessLog(.off, format: .json) { _ in Issue.record("nothing is written, so nothing can be lost") }
    let ring = log.makeRing()
    #expect(!ring.isOn)
    ring.write(Self.full)
    log.reopen()
    log.flushAndStop()
  }

  @Test(
    "RFC 3339: moments",
    arguments: [
      (0, "1970-01-01T00:00:00.000000Z"), (951_827_696_000_000_999, "2000-02-29T12:34:56.000000Z"),
      (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999999Z"),
    ])
  func moments(nanoseconds: Int, text: String) {
    #expect(Timestamp.text(Int64(nanoseconds)) == text)
  }
}

extension AccessLogRing {
  fileprivate func write(_ record: AccessRecord) {
    write { $0 = record }
  }
}
