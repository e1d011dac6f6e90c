import TestSupport
import Testing

@testable import Configuration

@Suite("upstreams.<name>.tls")
struct UpstreamTLSTests {
  private func sample(_ servers: String, _ tls: String = "") -> String {
    let more = tls.isEmpty ? "" : "    tls: { \(tls) }\n"
    return Sample(upstreams: "upstreams:\n  echo:\n    servers: [\(servers)]\n\(more)").text
  }

  @Test("What https servers are")
  func servers() throws {
    let text = sample(
      "\"https://Orders.Internal\", \"https://localhost:8443\", { address: \"https://[::1]:1\", weight: 2 }, \"a:1\"")
    #expect(
      try configuration(text).upstreams[0].kind
        == .servers([
          ServerConfiguration(.name("orders.internal", port: 443), securedHost: "orders.internal"),
          ServerConfiguration(.ipv4("127.0.0.1", port: 8443), securedHost: "localhost"),
          ServerConfiguration(.ipv6("::1", port: 1), weight: 2, securedHost: "::1"),
          ServerConfiguration(.name("a", port: 1)),
        ]))
    #expect(try configuration(text).upstreams[0].isSecured)
    #expect(try !configuration(sample("\"a:1\"")).upstreams[0].isSecured)
  }

  @Test("The files, wherever they are named, and the name")
  func files() throws {
    let folder = try TemporaryFolder()
    let authority = try folder.write("ca.pem", "", mode: 0o644)
    let key = try folder.write("me.key", "", mode: 0o600)
    let tls = "ca: \(authority), certificate: \(authority), key: \(key), server_name: Orders.Internal"
    let upstream = try configuration(sample("\"https://a\"", tls)).upstreams[0]
    #expect(upstream.tls.authorities?.path == authority && upstream.tls.certificate?.key.path == key)
    #expect(upstream.tls.serverName == "orders.internal")
    #expect(try configuration("# a line\n" + sample("\"https://a\"", tls)).upstreams[0] == upstream)
    #expect(try configuration(sample("\"https://a\"", "ca: \(authority)")).upstreams[0] != upstream)
  }

  @Test("What the name may be")
  func names() throws {
    for (text, name) in [
      ("a.example", "a.example"), ("10.0.0.1", "10.0.0.1"), ("\"::1\"", "::1"), ("\"[::1]\"", "::1"),
    ] {
      #expect(
        try configuration(sample("\"https://a\"", "server_name: \(text)")).upstreams[0].tls.serverName == name)
    }
    for text in ["a:1", "*.example", "a/b", "a..b"] {
      #expect(
        faults(sample("\"https://a\"", "server_name: \"\(text)\"")) == [
          "11:25: \"\(text)\" is not a host; write a name such as orders.internal, or an IP address"
        ])
    }
  }

  @Test("What does not fit together")
  func combinations() throws {
    let folder = try TemporaryFolder()
    let open = try folder.write("open.key", "", mode: 0o644)
    #expect(
      faults(sample("\"a:1\"", "server_name: a")) == [
        "11:5: \"tls\" without a server that speaks it; write https:// before its host"
      ])
    #expect(
      faults(sample("\"https://a\"", "certificate: \(open)")) == ["11:12: \"certificate\" without \"key\""])
    #expect(
      faults(sample("\"https://a\"", "ca: a.pem, certificate: b.pem, key: b.key")) == [
        "11:16: a.pem: No such file or directory", "11:36: b.pem: No such file or directory",
        "11:48: b.key: No such file or directory",
      ])
    #expect(
      faults(sample("\"https://a\"", "verify: false")) == ["11:12: unknown key \"verify\""])
  }

  @Test("L-3: a key that others can read is refused")
  func openKey() throws {
    let folder = try TemporaryFolder()
    let open = try folder.write("open.key", "", mode: 0o644)
    let found = faults(sample("\"https://a\"", "certificate: \(open), key: \(open)"))
    #expect(found.count == 1)
    #expect(found.first?.contains("the private key can be read by users other than its owner; run chmod 600") == true)
  }
}
