import ArgumentParser
import Configuration
import Sockets

/// `portcullis serve`
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Runs the gateway until SIGTERM or SIGINT.")

  @OptionGroup var file: ConfigurationOption
  @OptionGroup var misplaced: MisplacedConfiguration

  func run() throws {
    let inherited: InheritedSockets
    do throws(InheritanceError) {
      inherited = try InheritedSockets.take()
    } catch {
      StandardError.print("portcullis: \(error)")
      throw ExitStatus.unavailable
    }
    let configuration: GatewayConfiguration
    let (loaded, seen) = ConfigurationFile.loadSeen(file.config, watched: [])
    let revoked: RevocationFile?
    let files: TLSFiles
    do throws(Diagnostics) {
      configuration = try loaded.get()
      revoked = try RevocationWatcher.open(configuration, isStart: true).get()
      files = try TLSFiles(configuration)
    } catch {
      for diagnostic in error.list { StandardError.print(diagnostic.description) }
      // After a fault that may pass a service manager is to try again.
      throw error.mayPass ? ExitStatus.unavailable : ExitStatus.configuration
    }
    do throws(GatewayFault) {
      try Gateway.serve(configuration, revoked: revoked, files: files, inherited: inherited, seen: seen)
    } catch {
      StandardError.print("portcullis: \(error.message)")
      throw error.status
    }
  }
}
