import ArgumentParser
import Glibc
import JSON
import Probe
import Sockets

/// `portcullis probe`
struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Sends forged identity headers through the configuration, and checks that none arrives.",
    discussion: """
      Starts the gateway in this process, on loopback, with an upstream of its own; nothing else is contacted, and a \
      running gateway is not disturbed. Each field and cookie that only the gateway may set is sent in every way known \
      to get past gateways, with forward_auth in the questions of proxies too. Exit status: 0 nothing arrived, 1 something did, or could not be tried, 64 usage, 66 no \
      such file, 69 the probe cannot run, 78 a faulty configuration.
      """)

  @OptionGroup var file: ConfigurationOption
  @Flag(name: .long, help: "Prints the result as JSON.")
  var json = false

  func run() throws {
    let configuration = try ProviderOption.configuration(file.config)
    Process.ignore(signal: SIGPIPE)
    let report: ProbeReport
    do throws(ProbeFault) {
      report = try ProbeRun.report(on: configuration)
    } catch {
      StandardError.print("the probe cannot run: \(error)")
      throw ExitStatus.unavailable
    }
    try StandardOutput.print(json ? String(decoding: report.json.serialized(), as: UTF8.self) : text(report))
    if !report.isProof { throw ExitStatus.refused }
  }

  private func text(_ report: ProbeReport) -> String {
    var table = TextTable(["FIELD", "TRICK", "VERDICT"])
    for line in report.lines { table.add(line) }
    var text = report.results.isEmpty ? "" : table.text + "\n\n"
    for route in report.routes {
      text += "route \(route.name)"
      if !route.alike.isEmpty { text += ", and alike: \(route.alike.joined(separator: ", "))" }
      text += route.fault.map { ": NOT TRIED: \($0)\n" } ?? "\n"
    }
    for each in report.replaced { text += "replaced: \(each)\n" }
    return text + report.summary
  }
}
