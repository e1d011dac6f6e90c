import TestSupport
import Testing

@testable import Configuration

@Suite("otlp")
struct OTLPTests {
  private func sample(_ otlp: String) -> String {
    var sample = Sample()
    sample.top = "otlp: { \(otlp) }\n"
    return sample.text
  }

  @Test("Paths are written behind the URL, and nothing is exported that is not asked for")
  func whole() throws {
    let traces = try #require(try configuration(sample("url: 'https://c:4318/otlp//', traces: 10%")).otlp)
    #expect(traces == OTLPConfiguration(url: "https://c:4318/otlp", tracesPercentage: 10))
    let folder = try TemporaryFolder()
    for name in ["h", "ca.pem"] { _ = try folder.write(name, "", mode: 0o600) }
    let both = try configuration(
      sample("url: 'http://[::1]:4318', traces: none, metrics: 1m, headers_file: h, ca: ca.pem"),
      file: folder.path + "/g.conf")
    #expect(
      both.otlp
        == OTLPConfiguration(
          url: "http://[::1]:4318", metricsInterval: .seconds(60), headersFile: folder.path + "/h",
          certificateAuthorityFile: folder.path + "/ca.pem"))
    #expect(both.isCounted)
    #expect(try configuration(Sample().text).otlp == nil)
    #expect(try !configuration(sample("url: 'https://c', traces: 100%")).isCounted)
    #expect(both.difference(from: try configuration(Sample().text)).keys == ["otlp"])
  }

  private static let behind = "`/v1/traces` and `/v1/metrics` are appended."

  @Test(
    "What is wrong is said where it stands",
    arguments: [
      ("url: 'https://c'", "3:7: nothing is exported; write traces: 10%, metrics: 60s, or both"),
      ("url: 'https://c', traces: none", "3:7: nothing is exported; write traces: 10%, metrics: 60s, or both"),
      ("url: 'https://c', trace: 1%", "3:27: unknown key \"trace\"; did you mean \"traces\"?"),
      (
        "traces: 1%",
        "3:7: \"url\" is missing. The collector's, such as `https://collector:4318`: https, or http on loopback. \(behind)"
      ),
      ("url: 'http://c', traces: 1%", "3:14: \"http://c\" has to be https; http is for loopback addresses only"),
      (
        "url: 'https://c/v1/traces', traces: 1%",
        "3:14: \"https://c/v1/traces\": leave /v1/… out; it is appended to the URL"
      ),
      (
        "url: 'https://c?key=a', traces: 1%",
        "3:14: \"https://c?(hidden)\" has a query; put what the collector needs into \"headers_file\""
      ),
      ("url: 'https://c', traces: 0%", "3:35: \"0%\" is out of range: 1% to 100%"),
      ("url: 'https://c', traces: 5", "3:35: \"5\" is not a percentage; write a whole number and %: 10%"),
      (
        "url: 'https://c', metrics: 5s, ca: /nope.pem, headers_file: /nope",
        "3:44: /nope.pem: No such file or directory\n3:69: /nope: No such file or directory"
      ),
      ("url: 'https://c', metrics: 1s", "3:36: \"1s\" is out of range: 5s to 1h"),
    ])
  func faulty(otlp: String, fault: String) {
    #expect(faults(sample(otlp)).joined(separator: "\n") == fault)
  }
}
