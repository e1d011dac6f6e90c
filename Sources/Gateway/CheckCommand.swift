import ArgumentParser
import Configuration

/// `portcullis check`
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Reads the configuration and says everything that is wrong with it.")

  @OptionGroup var file: ConfigurationOption

  func run() throws {
    switch ConfigurationFile.load(file.config) {
    case .success(let configuration):
      print(
        """
        \(file.config): good: \(configuration.listeners.count) listeners, \(configuration.providers.count) providers, \
        \(configuration.upstreams.count) upstreams, \(configuration.routes.count) routes
        """)
    case .failure(let diagnostics):
      for diagnostic in diagnostics.list { StandardError.print(diagnostic.description) }
      throw ExitStatus.refused
    }
  }
}
