import ArgumentParser
import Crypto
import Sockets

/// The program `portcullis` and its commands.
@main
struct Portcullis: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "portcullis",
    abstract: "An authentication gateway: it stands in front of HTTP backends and lets only verified requests pass.",
    version: Portcullis.version,
    subcommands: [
      ServeCommand.self, CheckCommand.self, ExplainCommand.self, TokenCommand.self, KeysCommand.self, UserCommand.self,
      ClientCommand.self, SignInsCommand.self, LogsCommand.self, ReplayCommand.self, WhyCommand.self,
      ReloadCommand.self, ProbeCommand.self, DoctorCommand.self, VersionCommand.self,
    ])

  static let version = "0.1.0"

  static func main() {
    StandardStream.openMissing()
    // First of all: to parse the arguments takes longer than everything before.
    if CommandLine.arguments.dropFirst().first == ServeCommand.configuration.commandName { Gateway.keepOrders() }
    CryptoLibrary.keepUntilProcessEnds()
    do {
      var command = try parseAsRoot()
      do {
        try command.run()
      } catch let fault as ValidationError {
        // What a command finds only as it runs would be told with the usage of the program, and not with its own.
        StandardError.print("Error: \(fault.message)\n\(usageString(for: type(of: command)))")
        throw ExitStatus.usage
      }
    } catch {
      exit(withError: asked(error))
    }
  }

  /// Prints what was asked for with an option, such as `--help`: what cannot be written is said, as of any other output.
  ///
  /// - Returns: What is left to be said.
  private static func asked(_ error: any Error) -> any Error {
    let text = fullMessage(for: error)
    guard exitCode(for: error).isSuccess, !text.isEmpty else { return error }
    do {
      try StandardOutput.print(text)
      return ExitCode.success
    } catch {
      return error
    }
  }
}

/// `portcullis version`
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

  func run() throws { try StandardOutput.print("portcullis \(Portcullis.version)") }
}

/// Where the configuration is.
struct ConfigurationOption: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"), completion: .file())
  var config: String = ConfigurationOption.standard

  static let standard = "gateway.conf"
}
