import HTTP
import JSON
import Testing

@testable import Telemetry

@Suite("Reading access lines for a replay")
struct AccessLineTests {
  private static let fields: [AccessLine.Field] = [
    .time, .requestID, .client, .method, .host, .path, .route, .status, .reason, .provider, .subject, .claims,
    .upstream,
  ]

  private static let json = """
    {"time":"2026-01-31T08:49:37.000123Z","request_id":"0a","client":"::1","method":"GET","host":"a","path":"/a|b",\
    "route":"orders","status":403,"reason":"role_missing","blame":"policy","provider":"company",\
    "subject":"al\\"ice\\\\","claims":{"a":"}\\"","b":[{}]},"upstream":"app","retries":0,"total_us":7}
    """
  private static let logfmt = """
    time=2026-01-31T08:49:37.000123Z request_id=0a client=::1 method=GET host=a path=/a|b route=orders status=403 \
    reason=role_missing blame=policy provider=company subject="al\\"ice\\\\" claims="{\\"a\\":\\"}\\\\\\"\\",\\"b\\":[{}]}" \
    upstream=app retries=0 total_us=7
    """

  @Test("Both formats say the same", arguments: [json, json.replacing(":\"", with: ": \""), logfmt])
  func same(text: String) {
    let bytes = Array(text.utf8)
    guard let line = AccessLine(bytes.span) else {
      Issue.record("it is no line")
      return
    }
    // The claims' text is as it is written.
    let values = texts(line, bytes).map { $0?.replacing(" ", with: "") }
    #expect(
      values == [
        "2026-01-31T08:49:37.000123Z", "0a", "::1", "GET", "a", "/a|b", "orders", "403", "role_missing", "company",
        #"al"ice\"#, #"{"a":"}\"","b":[{}]}"#, "app",
      ])
    #expect(!line.isMessage)
  }

  private func texts(_ line: AccessLine, _ bytes: [UInt8]) -> [String?] {
    Self.fields.map { line.text($0, in: bytes.span) }
  }

  @Test("A message is one, and anything else is none")
  func others() {
    #expect(line("time=2026-01-31T08:49:37.000123Z level=info message=\"a b\"")?.isMessage == true)
    for text in [
      "", "x", "{", "{}", "status=1 time=x", "time=x status=200", #"{"time":"x""#,
      #"{"time":"x","time":"y","status":1}"#,
      #"{"time":"x","status":200,"request_id":"a"}x"#, #"time="x"y status=200 request_id=a"#, "time=\"x\\",
      #"{"time":"x","claims":{"a":1,"status":200,"request_id":"a"}"#,
    ] {
      #expect(line(text).map { _ in true } == nil, "\(text)")
    }
  }

  private func line(_ text: String) -> AccessLine? { AccessLine(Array(text.utf8).span) }

  @Test("L-1: no bytes are a line that is read beyond its end")
  func mutations() {
    var generator = SystemRandomNumberGenerator()
    for text in [Self.json, Self.logfmt] {
      for _ in 0..<3000 {
        var bytes = Array(text.utf8)
        for _ in 0...Int.random(in: 0..<3) {
          bytes[Int.random(in: bytes.indices)] = [0x22, 0x5C, 0x7B, 0x7D, 0x20, 0x3D, 0xFF][Int.random(in: 0..<7)]
        }
        bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
        guard let line = AccessLine(bytes.span) else { continue }
        _ = texts(line, bytes)
      }
    }
  }

  @Test("The second that a line says")
  func seconds() {
    for seconds: Int64 in [0, 951_782_400, 951_868_799, 1_700_000_000, 1_709_164_800, 4_107_542_399, 4_107_542_400] {
      #expect(read(Timestamp.text(seconds * 1_000_000_000 + 999_999_999)) == seconds)
    }
    for text in ["", "2026-01-31T08:49:37.000123", "2026-13-31T08:49:37.000123Z", "2026-0x-31T08:49:37.000123Z"] {
      #expect(read(text) == nil)
    }
  }

  private func read(_ text: String) -> Int64? { Timestamp.seconds(Array(text.utf8).span) }
}
