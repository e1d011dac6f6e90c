import ArgumentParser
import Configuration
import Fetch
import JSON
import Sockets
import Telemetry

/// `portcullis why`
struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Says why a request was refused, given the X-Request-Id that its client was told, and what to do.",
    discussion: """
      Asks the admin listener of the running gateway: the one of --admin, or admin.address of --config. It remembers \
      only refusals, the last ones of each kind. With --log it reads an access log instead, JSON or logfmt, which goes \
      further back, but does not say what each check of the route has found.

      Exit status: 0 found, 1 not found, 64 usage, 66 no such log, 69 no gateway answers, 78 a configuration of which \
      not even admin.address can be read.
      """)

  @Argument(help: "The request's id.")
  var id: String
  @OptionGroup var gateway: AdminOption
  @Option(
    name: .long, help: ArgumentHelp("An access log; - is standard input.", valueName: "file"), completion: .file())
  var log: String?
  @Flag(name: .long, help: "For programs.")
  var json = false

  func validate() throws {
    if gateway.admin != nil, log != nil { throw ValidationError("either --admin or --log") }
    // What a gateway makes, or takes of a proxy that it trusts.
    let isID = id.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isID, (1...64).contains(id.utf8.count) else {
      throw ValidationError("no request has such an id: they are letters, digits, -, _ and ., 64 at most")
    }
  }

  func run() throws {
    let story = try log.map(read) ?? ask()
    if json {
      try StandardOutput.print(String(decoding: JSONValue.object(story).serialized(), as: UTF8.self))
    } else {
      let hasColours = StandardStream.output.isTerminal && TerminalColour.areWanted
      try StandardOutput.print(WhyText(story, hasColours: hasColours).text)
    }
  }

  // MARK: The memory of a gateway

  private func ask() throws -> JSONObject {
    let (name, address) = try target()
    let response: FetchResponse
    do {
      response = try AdminQuery.ask("/requests/\(id)", at: address)
    } catch {
      StandardError.print("\(name): \(error)")
      StandardError.print("the access log may have it: portcullis why \(id) --log FILE")
      throw ExitStatus.unavailable
    }
    let object = (try? JSON.parse(response.body.span, depthMax: 80))?.object
    switch (response.status, object) {
    case (200, let object?): return object
    case (404, let object?) where object["error"]?.string == "not_remembered":
      StandardError.print(notRemembered(object, name))
      throw ExitStatus.refused
    default:
      StandardError.print("\(name): answers \(response.status): is it the admin listener of a gateway of this version?")
      throw ExitStatus.unavailable
    }
  }

  private func target() throws -> (name: String, address: ListenAddress) {
    if let target = try gateway.target() { return target }
    StandardError.print(
      "\(gateway.file.config): no admin.address, so nothing is remembered; name an access log: "
        + "portcullis why \(id) --log FILE")
    throw ExitStatus.unavailable
  }

  private func notRemembered(_ memory: JSONObject, _ name: String) -> String {
    let kinds = (memory["remembered"]?.array ?? []).compactMap(\.object).compactMap { kind -> String? in
      guard let word = kind["kind"]?.string, case .integer(let count)? = kind["count"],
        let since = kind["since"]?.string
      else { return nil }
      return TerminalText.escaped("  \(word): \(count), all since \(since)")
    }
    return """
      \(name): no refusal \(id) is remembered. Those that are, by who was to blame:
      \(kinds.joined(separator: "\n"))
      A request that was let through, is older, or went to another gateway is not among them; the access log may have \
      it: portcullis why \(id) --log FILE
      """
  }

  // MARK: A log

  /// The providers with `sign_in`; none where the log was brought to a machine without a good configuration.
  private var signingIn: Set<String> {
    guard case .success(let configuration) = ConfigurationFile.load(gateway.file.config, for: .command) else {
      return []
    }
    return Set(configuration.providers.filter { $0.signIn != nil }.map(\.name))
  }

  private func read(_ path: String) throws -> JSONObject {
    var found: LogLine?
    var (count, first, last, sameID, unreadable) = (0, "", "", 0, 0)
    func look(_ bytes: Span<UInt8>, _ piece: LineReader.Piece) {
      guard case .line = piece, let line = LogLine(bytes) else {
        if piece != .part { unreadable += 1 }
        return
      }
      guard line.kind == .access else { return }
      count += 1
      if first.isEmpty { first = line.time }
      last = line.time
      guard line["request_id"] == id else { return }
      sameID += 1
      if found.map({ line.goesBefore($0) }) ?? true { found = line }
    }
    do throws(SystemError) {
      var reader = try LineReader(path: path == "-" ? nil : path)
      while try reader.read({ look($0, $1) }) {}
      reader.finish { look($0, $1) }
    } catch {
      StandardError.print("\(error)")
      throw ExitStatus.noInput
    }
    if let found { return found.story(sameID: sameID, signingIn: signingIn) }
    let extent = count == 0 ? "it has no request lines" : "its \(count) requests are from \(first) to \(last)"
    StandardError.print("\(path == "-" ? "standard input" : path): no request \(id); \(extent)")
    if let complaint = LogLine.complaint(unreadable: unreadable) { StandardError.print(complaint) }
    throw ExitStatus.refused
  }
}
