import ArgumentParser
import JSON
import Sockets

/// `portcullis replay`
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Shows which requests of an access log another configuration would decide differently.",
    discussion: """
      They are decided by the functions that decide real requests, from what the log says: JSON or logfmt, with \
      log.claims. Lines that do not say enough are counted, and never guessed. Not considered: whether tokens would \
      verify, limits of rate and size, cors, TLS, identity headers. Exit status: 0 nothing is decided differently, 1 \
      something is, 2 nothing is decided at all, 64 usage, 66 no such file, 78 a faulty configuration.
      """)

  @OptionGroup var file: ConfigurationOption
  @Option(name: .long, help: ArgumentHelp("The access log; -: standard input.", valueName: "file"))
  var log: String
  @Flag(name: .long, help: "Treats what routes try as required.")
  var enforced = false
  @Flag(name: .long, help: "As JSON, with every group.")
  var json = false
  @Option(name: .long, help: ArgumentHelp("The maximum number of groups shown.", valueName: "number"))
  var limit = 100

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
  }

  func run() throws {
    var replay = LogReplay(try ProviderOption.configuration(file.config), enforcing: enforced)
    do throws(SystemError) {
      var reader = try LineReader(path: log == "-" ? nil : log)
      while try reader.read({ replay.add($0, $1) }) {}
      reader.finish { replay.add($0, $1) }
    } catch {
      StandardError.print("\(error)")
      throw ExitStatus.noInput
    }
    let report = ReplayReport(replay)
    try StandardOutput.print(
      json ? String(decoding: report.json.serialized(), as: UTF8.self) : report.text(groupsMax: limit))
    if replay.flips.requests > 0 { throw ExitStatus.refused }
    if replay.decided == 0 {
      StandardError.print("nothing was decided: is it an access log as JSON or logfmt, written with log.claims?")
      throw ExitStatus.undecided
    }
  }
}
