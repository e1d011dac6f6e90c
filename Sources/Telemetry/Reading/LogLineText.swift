/// Shows lines of a log to people: one line each, what matters first.
public struct LogLineText: Sendable {
  /// Whether the text has colours, as escape sequences for terminals (ECMA-48 SGR).
  public let hasColours: Bool

  /// Shows lines with colours or without.
  public init(hasColours: Bool) { self.hasColours = hasColours }

  /// The line for people, without a line feed. What it quotes is escaped, so that it cannot control a terminal.
  public func text(of line: LogLine) -> String {
    let parts = line.kind == .access ? request(line) : message(line)
    return parts.joined(separator: "  ")
  }

  private func request(_ line: LogLine) -> [String] {
    let status = line["status"] ?? "-"
    var parts = [time(line), painted(status, LogLineText.colour(ofStatus: status))]
    let reason = line["reason"]
    if let reason {
      let origin = [line["blame"].map(TerminalText.word), line["tried"].map { _ in "tried" }].compactMap { $0 }
      let words = painted(LogLineText.words(reason), .bold)
      parts.append(origin.isEmpty ? words : "\(words) (\(origin.joined(separator: ", ")))")
    }
    let shadow = line["shadow"]
    if let shadow { parts.append("shadow: \(LogLineText.words(shadow))") }
    parts.append(
      "\(line["method"].map(TerminalText.word) ?? "-") "
        + TerminalText.word((line["host"] ?? "") + (line["path"] ?? (line["host"] == nil ? "-" : ""))))
    let from = line["client"].map { "from \(TerminalText.word($0))" }
    let who = [line["subject"].map { painted(TerminalText.word($0), .cyan) }, from].compactMap { $0 }
    if !who.isEmpty { parts.append(who.joined(separator: " ")) }
    if let upstream = line["upstream"] {
      let retries = line.number("retries") ?? 0
      parts.append("→ \(TerminalText.word(upstream))" + (retries > 0 ? " (\(retries) retried)" : ""))
    }
    if let total = line.number("total_us") { parts.append(LogLineText.duration(microseconds: total)) }
    // Who asks about a refusal names it so.
    if reason != nil || shadow != nil, let id = line["request_id"] {
      parts.append(painted(TerminalText.word(id), .dim))
    }
    return parts
  }

  private static func words(_ code: String) -> String {
    TerminalText.escaped(code).split(separator: "_").joined(separator: " ")
  }

  private func message(_ line: LogLine) -> [String] {
    let level = line["level"] ?? ""
    var parts = [
      time(line), painted(TerminalText.word(level).uppercased(), LogLineText.colour(ofLevel: level)),
      TerminalText.escaped(line["message"] ?? ""),
    ]
    let rest = line.fields.filter { !["time", "level", "message"].contains($0.name) }
    if !rest.isEmpty {
      parts.append(
        rest.map { "\(TerminalText.word($0.name))=\(TerminalText.word($0.value))" }.joined(separator: " "))
    }
    return parts
  }

  /// To the millisecond: `2026-01-31 08:49:37.000`, in UTC.
  private func time(_ line: LogLine) -> String {
    painted(line.time.prefix(23).split(separator: "T").joined(separator: " "), .dim)
  }

  /// In the unit in which it has one to three digits before the point.
  static func duration(microseconds: Int64) -> String {
    switch microseconds {
    case ..<1000: "\(microseconds) µs"
    case ..<1_000_000: "\(microseconds / 1000).\(microseconds / 100 % 10) ms"
    default: "\(microseconds / 1_000_000).\(microseconds / 100_000 % 10) s"
    }
  }

  private enum Colour: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  private static func colour(ofStatus status: String) -> Colour {
    switch status.utf8.first {
    case UInt8(ascii: "5"): .red
    case UInt8(ascii: "4"): .yellow
    default: .green
    }
  }

  private static func colour(ofLevel level: String) -> Colour {
    switch level {
    case "error", "critical": .red
    case "warning": .yellow
    default: .dim
    }
  }

  private func painted(_ text: String, _ colour: Colour) -> String {
    hasColours ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }
}
