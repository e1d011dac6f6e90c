import Admin
import ArgumentParser
import Configuration
import Introspection
import JSON
import Keys
import OAuth
import OTLP
import SignIn
import Sockets
import State

/// `portcullis check`
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Reads the configuration and reports everything that is wrong with it.",
    discussion: """
      Keys, certificates and other files that it names are read too, as the server does; nothing else is contacted.

      Exit status: 0 good, 1 something is wrong, or with --strict there are warnings, 64 usage.
      """)

  @OptionGroup var file: ConfigurationOption
  @OptionGroup var misplaced: MisplacedConfiguration
  @Flag(name: .long, help: "Fails if there are warnings.")
  var strict = false
  @Flag(name: .long, help: "Prints a good one as it takes effect, with its defaults, as JSON.")
  var effective = false

  func run() throws {
    switch ConfigurationFile.loadTested(file.config, for: .command) {
    case .success(let configuration):
      var warnings = RouteReview(configuration).warnings
      warnings += try checkFiles(configuration) + ConfigurationFile.warnings(configuration)
      warnings += ForsakenDatabases.warnings(configuration)
      for warning in warnings { StandardError.print("\(warning) (a warning)") }
      if strict, !warnings.isEmpty { throw ExitStatus.refused }
      if effective {
        return try StandardOutput.print(String(decoding: configuration.effective.json.serialized(), as: UTF8.self))
      }
      var counts = [
        CheckCommand.counted(configuration.listeners.count, "listener"),
        CheckCommand.counted(configuration.providers.count, "provider"),
        CheckCommand.counted(configuration.upstreams.count, "upstream"),
        CheckCommand.counted(configuration.routes.count, "route"),
      ]
      if !configuration.tests.isEmpty { counts.append(CheckCommand.counted(configuration.tests.count, "test")) }
      try StandardOutput.print("\(file.config): good: \(counts.joined(separator: ", "))")
    case .failure(let diagnostics):
      for diagnostic in diagnostics.list { StandardError.print(diagnostic.description) }
      throw ExitStatus.refused
    }
  }

  /// Keys, credentials and revoked tokens on this machine are read as `serve` does, so that what is good here starts.
  /// Databases are not opened: the gateway makes them, and may be another user.
  ///
  /// - Returns: What is probably not meant.
  private func checkFiles(_ configuration: GatewayConfiguration) throws -> [Diagnostic] {
    var isGood = true
    var warnings: [Diagnostic] = []
    if case .failure(let diagnostics) = RevocationWatcher.open(configuration) {
      for diagnostic in diagnostics.list { StandardError.print(diagnostic.description) }
      isGood = false
    }
    if case .file(let path) = configuration.log.access, let fault = CheckCommand.fault(ofLog: path) {
      StandardError.print("\(file.config): log.access: \(fault)")
      isGood = false
    }
    do throws(Diagnostics) {
      warnings = try TLSFiles(configuration).warnings
    } catch {
      for diagnostic in error.list { StandardError.print(diagnostic.description) }
      isGood = false
    }
    for source in KeySource.all(of: configuration) {
      do throws(KeyFault) {
        try source.check()
      } catch {
        StandardError.print("\(file.config): provider \"\(source.provider)\": \(error)")
        isGood = false
      }
    }
    for provider in configuration.providers {
      for diagnostic in CheckCommand.faults(ofCodeFlow: provider, configuration) {
        StandardError.print(diagnostic.description)
        isGood = false
      }
    }
    for (provider, endpoint) in zip(configuration.providers, IntrospectionEndpoint.all(of: configuration)) {
      do throws(IntrospectionFault) {
        try endpoint?.check()
      } catch {
        let message = "provider \"\(provider.name)\": introspection: \(error)"
        let place = provider.introspection?.clientAuthentication.file
        let diagnostic = place.map { configuration.diagnostic(at: $0, message) } ?? configuration.diagnostic(message)
        StandardError.print(diagnostic.description)
        isGood = false
      }
    }
    for provider in configuration.providers {
      do throws(StoreFault) {
        if let file = provider.signInsFile { try SQLiteSignInStore.check(path: file) }
        if let file = provider.sessionsFile { try SQLiteSessionStore.check(path: file) }
      } catch {
        StandardError.print("\(file.config): provider \"\(provider.name)\": \(error)")
        isGood = false
      }
    }
    do throws(OTLPError) {
      _ = try OTLPEndpoint.of(configuration)
    } catch {
      StandardError.print("\(file.config): otlp: \(error)")
      isGood = false
    }
    guard isGood else { throw ExitStatus.refused }
    return warnings
  }

  /// The client's secret or key, and the secret that seals what browsers keep, where there is one yet.
  private static func faults(
    ofCodeFlow provider: ProviderConfiguration, _ configuration: GatewayConfiguration
  ) -> [Diagnostic] {
    guard let flow = provider.codeFlow else { return [] }
    var faults: [Diagnostic] = []
    if let authentication = flow.clientAuthentication {
      do throws(ClientFault) {
        _ = try OAuthClient(id: flow.clientID, ClientAuthentication(authentication))
      } catch {
        faults.append(
          configuration.diagnostic(
            at: authentication.file, "\(CodeFlowsFault(provider: provider.name, why: "\(error)"))"))
      }
    }
    do throws(SealingFault) {
      try CodeFlowService.checkSealing(of: provider.name, flow)
    } catch {
      faults.append(
        configuration.diagnostic(at: flow.stateFolder, "\(CodeFlowsFault(provider: provider.name, why: "\(error)"))"))
    }
    return faults
  }

  /// The file is made at the start, its folder is not. Whether the gateway may write in it is not known here.
  private static func fault(ofLog path: String) -> String? {
    do throws(SystemError) {
      let folder = FileAccess.folder(of: path)
      if try FileAccess.folderMode(folder) == nil { return "there is no folder \(folder)" }
      if case .other = try FileAccess.occupant(of: path, bytesMax: 0), (try? FileAccess.folderMode(path)) != nil {
        return "\(path) is a folder; name a file in it"
      }
      return nil
    } catch {
      return "\(error)"
    }
  }

  private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
