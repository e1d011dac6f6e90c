import ArgumentParser
import Configuration

/// `portcullis serve`
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Runs the gateway until SIGTERM or SIGINT.")

  @OptionGroup var file: ConfigurationOption

  func run() throws {
    let configuration: GatewayConfiguration
    switch ConfigurationFile.load(file.config) {
    case .success(let loaded): configuration = loaded
    case .failure(let diagnostics):
      for diagnostic in diagnostics.list { StandardError.print(diagnostic.description) }
      throw ExitStatus.configuration
    }
    do throws(GatewayFault) {
      try Gateway.serve(configuration)
    } catch {
      StandardError.print("portcullis: \(error.message)")
      throw error.status
    }
  }
}
