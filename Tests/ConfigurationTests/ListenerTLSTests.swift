import Testing

@testable import Configuration

@Suite("listeners[].tls")
struct ListenerTLSTests {
  /// Faults of a listener with these lines below `tls`, of files that are not there.
  private func faults(of lines: String...) -> [String] {
    let tls = lines.map { "      \($0)\n" }.joined()
    let sample = Sample(listeners: "listeners:\n  - address: 127.0.0.1:80\n    tls:\n\(tls)")
    return ConfigurationTests.faults(sample.text)
  }

  @Test("A certificate and its key are both needed")
  func required() {
    #expect(
      faults(of: "minimum: 1.3").map { String($0.prefix(20)) } == [
        "4:7: \"certificate\" i", "4:7: \"key\" is missin",
      ])
    #expect(faults(of: "certificates: [{ key: b.key }]").contains { $0.hasPrefix("4:22: \"certificate\" is missing") })
  }

  @Test("Each file that is not there is said")
  func missingFiles() {
    #expect(
      faults(
        of: "certificate: a.pem", "key: a.key", "ocsp: a.der", "certificates: [{ certificate: b.pem, key: b.key }]",
        "client_ca: c.pem", "client_auth: required") == [
          "4:20: a.pem: No such file or directory", "5:12: a.key: No such file or directory",
          "6:13: a.der: No such file or directory", "7:37: b.pem: No such file or directory",
          "7:49: b.key: No such file or directory", "8:18: c.pem: No such file or directory",
        ])
  }

  @Test("Where redirect leads")
  func redirect() throws {
    func sample(_ text: String) -> Sample {
      Sample(listeners: "listeners:\n  - { address: 127.0.0.1:80, redirect: \"\(text)\" }\n")
    }
    for (text, port) in [("https", 443), ("https:8443", 8443)] as [(String, UInt16)] {
      #expect(try configuration(sample(text).text).listeners.map(\.redirectPort) == [port])
    }
    for bad in ["http", "https:", "https:0", "https:65536", "https:a", "https://a", "HTTPS"] {
      #expect(
        ConfigurationTests.faults(sample(bad).text) == [
          "2:40: \"\(bad)\" is neither https nor https and a port: https:8443"
        ])
    }
  }

  @Test("Browsers are told whole seconds")
  func strictTransport() {
    for text in ["500ms", "1ms", "1500ms"] {
      #expect(
        faults(of: "certificate: a.pem", "key: a.key", "hsts: \(text)").contains(
          "6:13: \"\(text)\" is not a whole number of seconds"))
    }
    for text in ["0s", "1s", "2000ms", "180d"] {
      #expect(!faults(of: "certificate: a.pem", "key: a.key", "hsts: \(text)").contains { $0.hasPrefix("6:") })
    }
  }

  @Test("What does not fit together")
  func combinations() {
    #expect(
      faults(of: "certificate: a.pem", "key: a.key", "client_auth: optional").contains(
        "6:7: \"client_auth\" without \"client_ca\", the authorities whose client certificates are accepted"))
    #expect(
      faults(of: "certificate: a.pem", "key: a.key", "client_ca: c.pem").contains(
        "6:7: \"client_ca\" without \"client_auth\"; write `client_auth: required` or `client_auth: optional`"))
    #expect(
      faults(of: "certificate: a.pem", "key: a.key", "client_auth: always").contains(
        "6:20: \"always\" is not required or optional"))
    #expect(
      faults(of: "certificate: a.pem", "key: a.key", "minimum: 1.1").contains(
        "6:16: \"1.1\" is not 1.2 or 1.3; did you mean \"1.2\"?"))
  }
}
