import Access
import Admin
import Configuration
import HTTP
import JSON
import Logging
import Proxy
import Reason
import SignIn
import Sockets
import Synchronization
import Telemetry
import Tokens

extension Gateway {
  /// Sees that nothing that is written of requests shows a secret.
  ///
  /// - Throws: Where something does: such a program must not serve.
  static func testForSecretLeaks() throws(GatewayFault) {
    guard let place = SecretLeakTest.leak(in: rehearsing) else { return }
    throw GatewayFault(
      message: "not started: a made-up secret shows in \(place); this is a bug, please report it",
      status: ExitStatus.software)
  }

  /// What this program writes of requests, beside what loops do.
  private static func rehearsing(_ setting: SecretLeakTest.Setting) throws -> SecretLeakTest.Program {
    let messages = Messages()
    var program = SecretLeakTest.Program()
    for provider in setting.configuration.providers {
      if let signIn = provider.signIn {
        let service = Rehearsal.signIn(signIn, provider.policy, keys: [setting.key]) { event in
          messages.take { event.write(to: $0, provider: provider.name) }
        }
        guard let service else { throw RehearsalFault() }
        program.responders += provider.pagePaths.map { LocalRoute($0, responder: service) }
      }
      if let flow = provider.codeFlow {
        let rehearsal = Rehearsal.codeFlow(flow, provider.policy, keys: KeySet([setting.key])) { event in
          messages.take { event.write(to: $0, provider: provider.name) }
        }
        guard let rehearsal else { throw RehearsalFault() }
        program.responders += provider.pagePaths.map { LocalRoute($0, responder: rehearsal.service) }
        program.callback = (query: "state=\(rehearsal.state)", cookie: rehearsal.cookie)
      }
    }
    program.refused = { _, error in
      messages.take { $0.error("a token was refused: \(error)", metadata: ["why": "\(error.reason.rawValue)"]) }
    }
    program.takeMessages = { messages.takeLines().map { SecretLeakTest.Text(place: "the program's messages", $0) } }
    program.pages = { pages(of: $0, setting) }
    return program
  }

  private struct RehearsalFault: Error, CustomStringConvertible { let description = "OpenSSL failed" }

  /// Program messages, in every format.
  private final class Messages: Sendable {
    private let lines = Mutex<[String]>([])

    func take(_ body: (Logger) -> Void) {
      for format in [ProgramLog.Format.json, .logfmt] {
        body(
          Logger(label: "rehearsal") { [self] _ in
            ProgramLog(level: .debug, format: format) { [self] line in lines.withLock { $0.append(line) } }
          })
      }
    }

    func takeLines() -> [String] {
      lines.withLock { lines in
        defer { lines = [] }
        return lines
      }
    }
  }

  /// All that the admin listener answers.
  private static func pages(of traffic: LoopTraffic, _ setting: SecretLeakTest.Setting) -> [SecretLeakTest.Text] {
    var report = AdminReport()
    report.configuration = setting.configuration.effective
    report.routeNames = setting.metricNames.routes
    report.upstreamNames = setting.metricNames.upstreams
    report.providerNames = setting.metricNames.providers
    report.add(traffic)
    let paths = AdminPaths(
      hosts: [], isPublic: false, collect: { [report] in $1(report) }, reload: { $2(.refused([])) },
      revoke: { $2(.nothing("")) })
    let lines = traffic.refusals.flatMap(\.latestFirst).compactMap { (try? JSON.parse($0.line.span))?.object }
    // One of each reason: all are shown alike, and lines have been looked at.
    let ids = Dictionary(grouping: lines) { $0["reason"]?.string }.values.compactMap { $0.first?["request_id"]?.string }
    let texts = Mutex<[SecretLeakTest.Text]>([])
    for path in AdminPaths.paths(requestIDs: ids) {
      for mediaType in ["text/html", "application/json"] {
        var request = LocalRequest()
        (request.method, request.host, request.path) = ("GET", "localhost", path)
        request.fields = [(name: "accept", value: [UInt8](mediaType.utf8))]
        paths.respond(to: request) { response in
          texts.withLock { $0.append(SecretLeakTest.Text(place: "the admin listener's \(path)", response.body)) }
        }
      }
    }
    return texts.withLock { $0 }
  }
}
