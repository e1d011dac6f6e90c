import Testing
import Tokens

@testable import Configuration

@Suite("Files")
struct LoadingTests {
  @Test("A file with ten faults gives exactly those ten, each with its place")
  func tenFaults() {
    let text = """
      listeners:
        - adress: 127.0.0.1:8080
      workers: many
      limits: { head: 16KB, target: 64KiB }
      providers:
        company:
          isuer: https://id.example.com
          audiences: [orders]
          jwks_url: http://id.example.com/jwks
          algorithms: [RS256, none]
      upstreams:
        orders:
          servers: ["10.0.0.1:99999"]
      routes:
        - path: /orders/**
          auth: compny
          upstream: orders
          upstream: orders
      """
    #expect(
      faults(text) == [
        "2:5: unknown key \"adress\"; did you mean \"address\"?",
        "3:10: \"many\" is neither auto nor a whole number",
        "4:17: \"16KB\" is not a size; write bytes, or a whole number and KiB, MiB or GiB: 16KiB",
        "4:31: \"64KiB\" is out of range: 256 to 32KiB",
        "7:5: unknown key \"isuer\"; did you mean \"issuer\"?",
        "9:15: \"http://id.example.com/jwks\" has to be https; http is for loopback addresses only",
        "10:25: \"none\" is never accepted: tokens have to be signed",
        "13:15: \"10.0.0.1:99999\" is not an address; write host:port, \"[::1]:port\" or unix:path",
        "16:11: no provider is called \"compny\"; did you mean \"company\"?",
        "18:5: duplicate key \"upstream\"; it is already on line 17",
      ])
  }

  @Test("The smallest file has the defaults of the reference")
  func defaults() throws {
    let file = try configuration(Sample().text)
    #expect(file.listeners == [ListenerConfiguration(address: .ipv4("127.0.0.1", port: 8080))])
    // What the caller says that there are.
    #expect(file.workers == 4)
    #expect(file.log == LogConfiguration())
    #expect(file.limits == LimitsConfiguration())
    #expect(file.timeouts == TimeoutsConfiguration())
    #expect(file.providers.map(\.name) == ["local"])
    #expect(file.providers[0].keys == .signing(folder: "state", algorithm: .es256))
    #expect(file.providers[0].credentialSources == [.authorization])
    #expect(file.upstreams.map(\.kind) == [.echo])
    #expect(file.routes.map(\.name) == ["/api"])
    #expect(file.routes[0].providers == [0])
    #expect(file.routes[0].destination == .upstream(0))
    #expect(file.routes[0].token == .remove)
    #expect(file.routes[0].bodyBytesMax == nil)
  }

  @Test("A file that is not there is a diagnostic without a position")
  func missing() throws {
    let result = GatewayConfiguration.load(path: "/nowhere/gateway.conf", environment: [:], processorCount: 4)
    guard case .failure(let diagnostics) = result else {
      Issue.record("loaded")
      return
    }
    #expect(diagnostics.description == "/nowhere/gateway.conf: cannot be read: No such file or directory")
  }

  @Test("A diagnostic reads file:line:column: message")
  func description() {
    let result = GatewayConfiguration.parse(
      Array("workres: 1".utf8), file: "etc/gateway.conf", environment: [:], processorCount: 4)
    guard case .failure(let diagnostics) = result else {
      Issue.record("loaded")
      return
    }
    #expect(
      diagnostics.description.split(separator: "\n").contains(
        "etc/gateway.conf:1:1: unknown key \"workres\"; did you mean \"workers\"?"))
  }

  @Test("Paths begin at the folder of the file")
  func paths() throws {
    let sample = Sample(
      top: "log: { access: logs/access.log }\n", upstreams: "upstreams: { echo: { servers: [unix:a.sock] } }\n")
    let file = try configuration(sample.text, file: "/etc/portcullis/gateway.conf")
    #expect(file.log.access == .file("/etc/portcullis/logs/access.log"))
    #expect(file.upstreams[0].kind == .servers([ServerConfiguration(.unix("/etc/portcullis/a.sock"))]))
    #expect(file.providers[0].keys == .signing(folder: "/etc/portcullis/state", algorithm: .es256))
  }
}
