import Testing

@testable import Configuration

private let noAddress =
  "is not an address; write host:port for HTTP without TLS, https://host:port for HTTP with it"
private let noSecuredServer = "is not an https server; write https://host or https://host:port, with nothing after it"

@Suite("The rest of the file")
struct FileTests {
  struct Row: CustomTestStringConvertible {
    let text: String
    let fault: String?
    var testDescription: String { text }
  }

  @Test(
    "Listeners",
    arguments: [
      Row(text: "127.0.0.1:8080", fault: nil),
      Row(text: "localhost:8080", fault: nil),
      Row(text: "\"[::]:8080\"", fault: nil),
      Row(text: "unix:run/a.sock", fault: nil),
      Row(
        text: "example.com:80", fault: "\"example.com:80\" is not an IP address; listen on one, 0.0.0.0 for all of IPv4"
      ),
      Row(text: "127.0.0.1", fault: "\"127.0.0.1\" has no port; write host:port"),
      Row(text: "127.0.0.1:0", fault: nil),
      Row(
        text: "127.0.0.1:65536",
        fault: "\"127.0.0.1:65536\" is not an address; write host:port, \"[::1]:port\" or unix:path"),
      Row(text: "8080", fault: "\"8080\" is not an address; write host:port, \"[::1]:port\" or unix:path"),
      Row(text: "\"*:8080\"", fault: "\"*:8080\" is not an address; write host:port, \"[::1]:port\" or unix:path"),
      Row(text: "\"unix:\"", fault: "\"unix:\" needs a path of 1 to 107 bytes"),
    ])
  func listeners(_ row: Row) {
    let sample = Sample(listeners: "listeners:\n  - address: \(row.text)\n")
    #expect(faults(sample.text) == (row.fault.map { ["2:14: \($0)"] } ?? []))
  }

  @Test("It says which files are read with it: not those that are written, or looked at by themselves")
  func filesRead() throws {
    var sample = Sample()
    sample.top = "log: { access: access.log }\nrevocations: { file: revoked }\n"
    #expect(try configuration(sample.text, file: "/f/gateway.conf").filesRead == ["/f/gateway.conf"])
    // One that is not there is what has to be mended.
    sample.upstreams = """
      upstreams:
        echo: { servers: ["https://a.test"], tls: { ca: ca.pem } }
        other: { servers: ["https://b.test"], tls: { ca: ca.pem } }

      """
    sample.providers = Sample.provider("leeway: 0s", source: "jwks_file: keys.json").providers
    let error = #expect(throws: Diagnostics.self) { try configuration(sample.text, file: "/f/gateway.conf") }
    #expect(error?.filesNamed.sorted() == ["/f/ca.pem", "/f/gateway.conf", "/f/keys.json", "/f/revoked"])
  }

  @Test(
    "D-4: a server that is a listener of the gateway itself is refused",
    arguments: [
      ("127.0.0.1:80", "127.0.0.1:80", true), ("127.0.0.1:80", "localhost:80", true),
      ("0.0.0.0:80", "127.0.0.7:80", true), ("\"[::]:80\"", "[::1]:80", true), ("\"[::1]:80\"", "[0:0::1]:80", true),
      ("unix:/run/a", "unix:/run/a", true), ("127.0.0.1:80", "127.0.0.2:80", false),
      ("127.0.0.1:80", "127.0.0.1:81", false), ("0.0.0.0:80", "10.0.0.9:80", false),
      ("0.0.0.0:80", "[::1]:80", false), ("unix:/run/a", "unix:/run/b", false), ("127.0.0.1:80", "a.test:80", false),
    ])
  func ownListener(listener: String, server: String, isOwn: Bool) {
    var sample = Sample(listeners: "listeners: [{ address: \(listener) }]\n")
    sample.upstreams = "upstreams:\n  echo: { servers: [\"\(server)\"] }\n"
    let faults = faults(sample.text)
    #expect(faults.count == (isOwn ? 1 : 0))
    #expect(faults.allSatisfy { $0.contains("leads back to the gateway's own listener") })
  }

  @Test("An address is listened on once")
  func sameListener() {
    let sample = Sample(listeners: "listeners:\n  - address: 127.0.0.1:80\n  - address: localhost:80\n")
    #expect(faults(sample.text) == ["3:14: another listener has the same address"])
  }

  @Test(
    "Servers",
    arguments: [
      Row(text: "10.0.0.1:80", fault: nil),
      Row(text: "\"[::1]:80\"", fault: nil),
      Row(text: "unix:/run/a.sock", fault: nil),
      Row(text: "orders.internal:80", fault: nil),
      Row(text: "orders.internal", fault: "\"orders.internal\" has no port; write host:port"),
      Row(text: "or ders:80", fault: "\"or ders:80\" is not an address; write host:port, \"[::1]:port\" or unix:path"),
      Row(text: "{ address: \"a.internal:80\", weight: 3 }", fault: nil),
      Row(text: "\"a.internal:0\"", fault: "\"a.internal:0\": a server has a port, 1 to 65535"),
      Row(text: "https://10.0.0.1:443", fault: nil),
      Row(text: "\"https://[::1]\"", fault: nil),
      Row(text: "https://orders.internal", fault: nil),
      Row(text: "{ address: \"https://a.internal:8443\", weight: 3 }", fault: nil),
      Row(text: "http://10.0.0.1:80", fault: "\"http://10.0.0.1:80\" \(noAddress)"),
      Row(text: "HTTPS://10.0.0.1", fault: "\"HTTPS://10.0.0.1\" \(noAddress)"),
      Row(text: "https://a/", fault: "\"https://a/\" \(noSecuredServer)"),
      Row(text: "https://a:0", fault: "\"https://a:0\" \(noSecuredServer)"),
      Row(text: "https://me@a", fault: "\"https://(hidden)@a\" \(noSecuredServer)"),
      Row(text: "\"https://::1\"", fault: "\"https://::1\" \(noSecuredServer)"),
      Row(text: "https://unix:/run/a.sock", fault: "\"https://unix:/run/a.sock\" \(noSecuredServer)"),
      Row(text: "https://", fault: "\"https://\" \(noSecuredServer)"),
    ])
  func servers(_ row: Row) {
    let sample = Sample(upstreams: "upstreams:\n  echo:\n    servers:\n      - \(row.text)\n")
    #expect(faults(sample.text) == (row.fault.map { ["11:9: \($0)"] } ?? []))
  }

  @Test(
    "An upstream has servers, or is built in",
    arguments: [
      Row(text: "{ retries: 2 }", fault: "9:3: upstream \"echo\" has neither \"servers\" nor \"builtin\""),
      Row(
        text: "{ builtin: echo, servers: [\"127.0.0.1:1\"] }",
        fault: "9:11: \"builtin\" together with \"servers\"; an upstream is one or the other"),
      Row(text: "{ builtin: static }", fault: "9:20: builtin: static needs \"static\", which says what to answer"),
      Row(text: "{ builtin: ecko }", fault: "9:20: \"ecko\" is not echo or static; did you mean \"echo\"?"),
      Row(
        text: "{ builtin: echo, balance: random_two }",
        fault: "9:26: \"balance\" together with \"builtin\"; it applies to servers"),
      Row(
        text: "{ builtin: echo, queue: 3 }", fault: "9:26: \"queue\" together with \"builtin\"; it applies to servers"),
      Row(
        text: "{ servers: [\"a:1\"], balance: fastest }",
        fault: "9:38: \"fastest\" is not round_robin, least_requests or random_two"),
      Row(
        text: "{ servers: [\"a:1\"], queue: 3 }",
        fault: "9:29: \"queue\" without \"max_connections\"; nothing would ever wait"),
      Row(text: "{ servers: [\"a:1\"], max_connections: none }", fault: nil),
      Row(text: "{ servers: [\"a:1\"], max_connections: 3, queue: 3 }", fault: nil),
      Row(
        text: "{ servers: [\"a:1\"], max_connections: 0 }",
        fault: "9:46: \"0\" is out of range: 1 to 1000000"),
      Row(
        text: "{ servers: [\"a:1\", \"A:1\"] }",
        fault: "9:28: another server has the same address; for a larger share give one a weight"),
      Row(text: "{ servers: [{ address: \"a:1\", weight: 101 }] }", fault: "9:47: \"101\" is out of range: 1 to 100"),
      Row(
        text: "{ servers: [{ weight: 2 }] }",
        fault: "9:21: \"address\" is missing. "
          + "Where it is: `10.0.0.1:8080`, `\"[::1]:8080\"`, `orders.internal:8080`, `https://orders.internal:8443` "
          + "or `unix:path`."),
      Row(
        text: "{ builtin: echo, tls: { server_name: a } }",
        fault: "9:26: \"tls\" together with \"builtin\"; it applies to servers"),
      Row(text: "{ servers: [\"a:1\"], health: { path: /healthz } }", fault: nil),
      Row(text: "{ servers: [\"a:1\"], health: { path: \"/h?x=1\", status: 204 } }", fault: nil),
      Row(
        text: "{ servers: [\"a:1\"], health: { path: healthz } }",
        fault: "9:45: \"healthz\" is not a path; it begins with /"),
      Row(
        text: "{ servers: [\"a:1\"], health: { path: /h, status: 399-200 } }",
        fault: "9:57: \"399-200\" is not a status; write one of 200 to 599, or the first and the last: 200-399"),
      Row(text: "{ servers: [\"a:1\"], retries: 11 }", fault: "9:38: \"11\" is out of range: 0 to 10"),
      Row(
        text: "{ servers: 127.0.0.1:3000 }",
        fault: "9:20: expected a list of servers, found \"127.0.0.1:3000\"; write [\"127.0.0.1:3000\"]"),
      Row(text: "{ servers: [] }", fault: "9:20: an empty list; expected a list of servers, or leave the key out"),
    ])
  func upstreams(_ row: Row) {
    let sample = Sample(upstreams: "upstreams:\n  echo: \(row.text)\n")
    #expect(faults(sample.text) == (row.fault.map { [$0] } ?? []))
  }

  @Test(
    "Limits fit each other",
    arguments: [
      Row(text: "{ head: 4KiB }", fault: nil),
      Row(text: "{ target: 16KiB }", fault: nil),
      Row(text: "{ head: 4KiB, target: 5KiB }", fault: "3:31: \"target\" is larger than \"head\", which is 4KiB"),
      Row(text: "{ token: 32KiB }", fault: "3:18: \"token\" is larger than \"head\", which is 16KiB"),
      Row(text: "{ minimum_rate: none }", fault: nil),
      Row(text: "{ requests_per_connection: none }", fault: nil),
      Row(text: "{ requests_per_connection: 0 }", fault: "3:36: \"0\" is out of range: 1 to 1000000"),
      Row(
        text: "{ minimum_rate: off }",
        fault: "3:25: \"off\" is not a size; write bytes, or a whole number and KiB, MiB or GiB: 16KiB"),
      Row(text: "{ minimum_rate: 0 }", fault: "3:25: \"0\" is out of range: 1 to 1MiB"),
      Row(text: "{ head: 1MiB, token: 32KiB }", fault: "3:17: \"1MiB\" is out of range: 1KiB to 32KiB"),
    ])
  func limits(_ row: Row) throws {
    let text = Sample(top: "limits: \(row.text)\n").text
    #expect(faults(text) == (row.fault.map { [$0] } ?? []))
    guard row.fault == nil else { return }
    let limits = try configuration(text).limits
    #expect(limits.targetBytesMax <= limits.headBytesMax && limits.tokenBytesMax <= limits.headBytesMax)
  }

  @Test("listeners and routes are required")
  func required() {
    #expect(
      faults("workers: 1\n") == [
        "1:1: \"listeners\" is missing. Where connections are accepted.",
        "1:1: \"routes\" is missing. Which requests go where.",
      ])
  }

  @Test("An unknown key is told from one that looks like it")
  func unknown() {
    let routes = "routes:\n  - { path: /api, auth: local, upstream: echo, upstreem: echo }\n"
    #expect(faults(Sample(routes: routes).text) == ["11:48: unknown key \"upstreem\"; did you mean \"upstream\"?"])
  }

  @Test(
    "An admin listener is this machine's, or said to be public",
    arguments: [
      (
        "0.0.0.0:9901",
        "3:19: other machines can reach this address; listen on 127.0.0.1 or unix:path, or write "
          + "`public: true` beside it"
      ),
      ("127.0.0.1:8080", "3:19: a listener has the same address"),
      ("127.0.0.1:9901", nil), ("unix:admin.sock", nil), ("0.0.0.0:9901, public: true", nil),
    ] as [(String, String?)])
  func admin(_ address: String, fault: String?) {
    #expect(faults(Sample(top: "admin: { address: \(address) }\n").text) == (fault.map { [$0] } ?? []))
  }
}

@Suite("Who may read a private key")
struct PrivateFileTests {
  @Test(
    "Its owner; and its group, where root lends it to somebody else, but only to read",
    arguments: [
      (0o600, false, true), (0o400, false, true), (0o640, false, false), (0o440, false, false), (0o604, false, false),
      (0o600, true, true), (0o640, true, true), (0o440, true, true), (0o660, true, false), (0o650, true, false),
      (0o644, true, false), (0o641, true, false),
    ] as [(UInt32, Bool, Bool)])
  func privacy(mode: UInt32, isLent: Bool, isPrivate: Bool) {
    #expect(FileSystem.Status(kind: .file, mode: mode, isLentByRoot: isLent).isPrivate == isPrivate)
  }
}
