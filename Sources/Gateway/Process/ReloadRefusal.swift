import Configuration
import Logging

/// Why another configuration is not taken, and the one in force stays.
enum ReloadRefusal: Error {
  /// The files say something wrong.
  case faulty(Diagnostics)
  /// What the configuration needs could not be opened, for this reason.
  case notOpened(String)
  /// The gateway is on its way to its end.
  case draining

  /// For people; never empty.
  var texts: [String] {
    switch self {
    case .faulty(let diagnostics): diagnostics.list.map { "\($0)" }
    case .notOpened(let why): [why]
    case .draining: ["the gateway is draining"]
    }
  }

  /// - Parameter generation: Of the configuration in force.
  func write(to log: Logger, generation: UInt64) {
    let metadata: Logger.Metadata = ["generation": "\(generation)"]
    switch self {
    case .faulty(let diagnostics):
      for diagnostic in diagnostics.list { log.error("\(diagnostic)") }
      log.error("reload refused: the configuration in force stays", metadata: metadata)
    case .notOpened(let why): log.error("reload refused: \(why)", metadata: metadata)
    case .draining: log.notice("not reloaded: the gateway is draining")
    }
  }
}
