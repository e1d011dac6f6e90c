import ArgumentParser
import Configuration
import Keys
import Sockets
import Telemetry
import Tokens

/// `portcullis keys`
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Lists and makes the gateway's own signing keys.",
    subcommands: [KeysListCommand.self, KeysGenerateCommand.self])
}

/// `portcullis keys list`
struct KeysListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the signing keys: kid, algorithm, when it was made, file. The first signs.")

  @OptionGroup var file: ConfigurationOption
  @Option(name: .long, help: ArgumentHelp("One provider only.", valueName: "name"))
  var provider: String?

  func run() throws {
    for configured in try ProviderOption.all(of: file.config, named: provider) {
      guard case .signing = configured.keys else { continue }
      let folder = try configured.signingFolder()
      do throws(KeyFault) {
        for entry in try folder.load() { print(entry.line) }
      } catch {
        StandardError.print("provider \"\(configured.name)\": \(error)")
        throw ExitStatus.configuration
      }
    }
  }
}

/// `portcullis keys generate`
struct KeysGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Makes a new signing key. A gateway that runs signs with it after SIGHUP; the older ones stay good.")

  @OptionGroup var option: ProviderOption

  func run() throws {
    let provider = try option.load()
    let folder = try provider.signingFolder()
    do throws(KeyFault) {
      print(try folder.generate(now: WallClock.nanoseconds / 1_000_000_000).line)
    } catch {
      StandardError.print("provider \"\(provider.name)\": \(error)")
      throw ExitStatus.cannotCreate
    }
  }
}

extension SigningFolder.Entry {
  fileprivate var line: String {
    "\(key.keyID) \(key.algorithm.rawValue) \(Timestamp.text(createdAt * 1_000_000_000)) \(file)"
  }
}
