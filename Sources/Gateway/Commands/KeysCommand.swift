import ArgumentParser
import Configuration
import Keys
import Sockets
import Telemetry
import Tokens

/// `portcullis keys`
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Lists the keys of all providers, and makes the gateway's own.",
    subcommands: [KeysListCommand.self, KeysGenerateCommand.self])
}

/// `portcullis keys generate`
struct KeysGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Makes a new signing key. A running gateway signs with it within a minute; the older ones stay valid.")

  @OptionGroup var option: ProviderOption

  func run() throws {
    let provider = try option.load()
    let folder = try provider.signingFolder()
    let made: SigningFolder.Entry
    do throws(KeyFault) {
      made = try folder.generate(now: WallClock.seconds)
    } catch {
      StandardError.print("provider \"\(provider.name)\": \(error)")
      throw ExitStatus.cannotCreate
    }
    try StandardOutput.print(made.line)
  }
}

extension SigningFolder.Entry {
  fileprivate var line: String {
    "\(key.keyID) \(key.algorithm.rawValue) \(Timestamp.text(createdAt * 1_000_000_000)) \(file)"
  }
}
