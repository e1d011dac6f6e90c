import ArgumentParser
import Configuration
import JSON
import Keys
import Sockets

/// `portcullis doctor`
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Asks the issuers what a gateway asks them, and reports what is wrong and what to do.",
    discussion: """
      For each provider: discovery, certificates, keys, how long responses may be cached, the clock, its introspection \
      endpoint, what code_flow needs, and a token where one is given. The worst comes first. Exit status: 0 nothing is \
      wrong, or only warnings, 1 something is, 64 usage, 66 no such file, 78 a faulty configuration.
      """)

  @OptionGroup var file: ConfigurationOption
  @OptionGroup var misplaced: MisplacedConfiguration
  @Option(name: .long, help: ArgumentHelp("Only this provider.", valueName: "name"))
  var provider: String?
  @Option(
    name: .long,
    help: ArgumentHelp("A file that holds a token of the provider; -: standard input.", valueName: "file"),
    completion: .file())
  var token: String?
  @Flag(name: .long, help: "Prints the result as JSON.")
  var json = false

  func run() throws {
    let providers = try ProviderOption.all(of: file.config, named: provider)
    if token != nil, providers.count > 1 { throw ValidationError("--token needs --provider: there are several") }
    let token = try self.token.map { try TokenArgument.read(file: $0) }
    let now = WallClock.seconds
    var diagnoses: [ProviderDiagnosis] = []
    for configured in providers {
      diagnoses.append(try ProviderDiagnosis(configured, token: token, now: now))
    }
    if json {
      try StandardOutput.print(String(decoding: JSONValue.array(diagnoses.map(\.json)).serialized(), as: UTF8.self))
    } else {
      try StandardOutput.print(diagnoses.map(\.text).joined(separator: "\n\n"))
    }
    if diagnoses.contains(where: { $0.findings.contains { $0.severity == .fault } }) { throw ExitStatus.refused }
  }
}
