import ArgumentParser
import Glibc
import Reason
import Sockets
import Telemetry

/// `portcullis logs`
struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Shows an access log in readable form, and searches it.",
    discussion: """
      Reads lines as JSON or logfmt, of requests and of the program's messages, in any mixture. Repeat an option to \
      give it several values, any of which matches; --reason, --shadow, --blame, --status and --client also take them \
      separated by commas. Options for different fields must all match. If one asks for a field of requests, messages \
      are left out; with --messages it asks for the same field of messages. Lines that are neither are counted, and \
      shown as they are if no filter is given. Times are UTC.

      Exit status: 0, even if nothing was found; 64 usage, 66 no such file, or it cannot be read, 73 the output could \
      not be written.
      """)

  @Argument(help: "The log; - or nothing is standard input.", completion: .file())
  var file: String = "-"
  @Flag(name: [.long, .short], help: "Keeps showing what is written, also after the file was rotated.")
  var follow = false
  @Option(name: .long, help: ArgumentHelp("Reasons of refusals, as docs/reasons.md lists them.", valueName: "codes"))
  var reason: [String] = []
  @Option(
    name: .long,
    help: ArgumentHelp("Reasons for which what is tried would have refused a request.", valueName: "codes"))
  var shadow: [String] = []
  @Option(
    name: .long, help: ArgumentHelp("Who is to blame: client, issuer, policy, upstream, gateway.", valueName: "words"))
  var blame: [String] = []
  @Option(name: .long, help: ArgumentHelp("Statuses: 403, or 4xx.", valueName: "statuses"))
  var status: [String] = []
  @Option(name: .long, help: ArgumentHelp("A route, as named in the log; may be repeated.", valueName: "name"))
  var route: [String] = []
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Whose requests; may be repeated.", valueName: "name"))
  var subject: [String] = []
  @Option(name: .long, help: ArgumentHelp("Addresses of clients.", valueName: "addresses"))
  var client: [String] = []
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A path, and those below it; may be repeated.", valueName: "path"))
  var path: [String] = []
  @Option(name: .long, help: ArgumentHelp("A provider, as named in the log; may be repeated.", valueName: "name"))
  var provider: [String] = []
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The key that tokens name (key_id); may be repeated.", valueName: "id"))
  var key: [String] = []
  @Option(name: .long, help: ArgumentHelp("An upstream, as named in the log; may be repeated.", valueName: "name"))
  var upstream: [String] = []
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A request's id; may be repeated.", valueName: "id"))
  var id: [String] = []
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only from this time on: 10m (ago; ms, s, m, h or d), or 2026-01-31T08:49:37Z.", valueName: "time"))
  var since: LogMoment?
  @Option(name: .long, help: ArgumentHelp("Only before this time, likewise.", valueName: "time"))
  var until: LogMoment?
  @Flag(name: .long, help: "Only the program's messages, no requests.")
  var messages = false
  @Flag(name: .long, help: "Prints the matching lines unchanged, and no others.")
  var json = false
  @Flag(name: .long, help: "Counts requests by blame, reason, what is tried and route, with the first and the last.")
  var summary = false

  func validate() throws {
    if messages, summary || !status.isEmpty || !path.isEmpty {
      throw ValidationError("--summary, --status and --path apply to requests: they cannot be used with --messages")
    }
    if summary, follow || json { throw ValidationError("--summary cannot be used with --follow or --json") }
    if follow, file == "-" { throw ValidationError("--follow is for files: standard input is always read as it comes") }
    if file == "-", isatty(0) == 1 { throw ValidationError("give a file, or pipe in a log") }
    _ = try filter()
  }

  func run() throws {
    let isForPeople = StandardStream.output.isTerminal
    let hasColours = isForPeople && TerminalColour.areWanted
    var output = LogOutput(
      try filter(), form: summary ? .summary : json ? .unchanged : .text(hasColours: hasColours),
      isForPeople: isForPeople)
    try read(into: &output)
    if let fault = output.fault { return try StandardOutput.check(fault) }
    if summary { try StandardOutput.print(output.summary.text) }
    if let complaint = LogLine.complaint(unreadable: output.unreadable) { StandardError.print(complaint) }
  }

  /// Reads until there is no more, or nothing more can be written.
  private func read(into output: inout LogOutput) throws {
    do throws(SystemError) {
      var reader = try LineReader(path: file == "-" ? nil : file)
      while true {
        while try reader.read({ output.add($0, $1) }) { guard output.flush() else { return } }
        guard follow else { break }
        // What was written before the name changed hands is read first.
        if reader.look() == .replaced {
          while try reader.read({ output.add($0, $1) }) {}
          reader.finish { output.add($0, $1) }
          guard output.flush() else { return }
          try reader.reopen()
          continue
        }
        BlockingWork.sleep(.milliseconds(100))
      }
      reader.finish { output.add($0, $1) }
    } catch {
      _ = output.flush()
      StandardError.print("\(error)")
      throw ExitStatus.noInput
    }
    _ = output.flush()
  }

  private func filter() throws -> LogFilter {
    var filter = LogFilter()
    let (reasons, shadows) = (LogsCommand.words(reason), LogsCommand.words(shadow))
    for word in reasons.union(shadows) where Reason(rawValue: word) == nil {
      throw ValidationError("there is no reason \(TerminalText.word(word)); docs/reasons.md lists them")
    }
    let blames = LogsCommand.words(blame)
    for word in blames where Blame(rawValue: word) == nil {
      throw ValidationError(
        "\(TerminalText.word(word)) is not a party to blame: \(Blame.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    for word in LogsCommand.words(status) {
      guard let statuses = LogFilter.Statuses(word) else {
        throw ValidationError("\(TerminalText.word(word)) is not a status; write one such as 403, or 4xx")
      }
      filter.statuses.append(statuses)
    }
    for word in LogsCommand.words(client) where word.contains("/") {
      throw ValidationError("\(TerminalText.word(word)) is a block; --client takes single addresses, as in the log")
    }
    for (name, wanted) in [
      ("reason", reasons), ("shadow", shadows), ("blame", blames), ("route", Set(route)), ("subject", Set(subject)),
      ("client", LogsCommand.words(client)), ("request_id", Set(id)), ("provider", Set(provider)),
      ("key_id", Set(key)), ("upstream", Set(upstream)),
    ]
    where !wanted.isEmpty {
      filter.values[name] = wanted
    }
    filter.paths = path
    filter.isOfMessages = messages
    filter.since = since?.text
    filter.until = until?.text
    return filter
  }

  private static func words(_ options: [String]) -> Set<String> {
    Set(options.flatMap { $0.split(separator: ",").map(String.init) })
  }
}
