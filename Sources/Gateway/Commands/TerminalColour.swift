import Sockets

/// Colours as a terminal takes them (ECMA-48 SGR).
enum TerminalColour: String {
  case bold = "1"
  case red = "31"
  case green = "32"

  func painted(_ text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }

  /// no-color.org: set, and not empty.
  static var areWanted: Bool {
    let environment = Process.environment
    return environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
  }
}
