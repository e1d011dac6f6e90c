import ArgumentParser
import Configuration
import Fetch
import JSON
import Sockets
import Telemetry

/// `portcullis reload`
struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Makes the running gateway reload its configuration, and reports what has changed, or what is wrong.",
    discussion: """
      Asks the admin listener of the running gateway: the one of --admin, or admin.address of --config. It reads the \
      file that it was started with. If anything is wrong, the configuration in force stays. A faulty --config is read \
      for its admin.address alone, so that the gateway learns of the fault, and /status and its metrics show it.

      Exit status: 0 it was loaded, 1 it was refused, 2 it is still in progress, or there is nothing to try, 64 usage, \
      66 no such file, 69 no gateway answers, or this one accepts no commands, 78 a configuration of which \
      not even admin.address can be read.
      """)

  @OptionGroup var gateway: AdminOption
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Compares it with the previous one for this long, and rolls it back if more requests are refused: 10s to 1d.",
      valueName: "duration"))
  var canary: String?

  func validate() throws {
    guard let canary else { return }
    guard let duration = DurationText.parse(canary), ReloadConfiguration.canaryRange.contains(duration) else {
      throw ValidationError("--canary is a duration from 10s to 1d: 10m")
    }
  }

  func run() throws {
    guard let (name, address) = try gateway.target() else {
      StandardError.print("\(gateway.file.config): no admin.address; send the gateway SIGHUP, and check its log")
      throw ExitStatus.unavailable
    }
    let response: FetchResponse
    do {
      response = try AdminQuery.ask("/reload", .post(contentType: "application/json", content: order), at: address)
    } catch {
      StandardError.print("\(name): \(error)")
      throw ExitStatus.unavailable
    }
    let object = (try? JSON.parse(response.body.span))?.object
    switch (response.status, object) {
    case (200, let object?):
      let changes = TerminalText.escaped(object["changes"]?.string ?? "")
      let pending = object["pending"]?.array?.compactMap(\.string) ?? []
      if !pending.isEmpty {
        let keys = TerminalText.escaped(pending.joined(separator: ", "))
        StandardError.print("\(name): changes of \(keys) take effect with SIGUSR2 or a restart")
      }
      guard case .integer(let seconds)? = object["trial_seconds"] else {
        try StandardOutput.print("reloaded: \(changes)")
        if canary == nil { return }
        StandardError.print("\(name): nothing is on trial: this configuration was already in force")
        throw ExitStatus.undecided
      }
      try StandardOutput.print("reloaded, on trial for \(Duration.seconds(seconds).forPeople): \(changes)")
    case (202, _):
      StandardError.print("\(name): in progress: names of servers are being resolved, or keys fetched; see /status")
      throw ExitStatus.undecided
    case (422, let object?):
      for fault in object["faults"]?.array ?? [] { StandardError.print(TerminalText.escaped(fault.string ?? "")) }
      StandardError.print("\(name): refused: the configuration in force stays")
      throw ExitStatus.refused
    case (403, _):
      StandardError.print("\(name): accepts no commands, as it is public (admin.public)")
      throw ExitStatus.unavailable
    default:
      StandardError.print("\(name): answers \(response.status): is it the admin listener of a gateway of this version?")
      throw ExitStatus.unavailable
    }
  }

  private var order: [UInt8] {
    canary.map { JSONValue.object(["canary": .string($0)]).serialized() } ?? []
  }
}
