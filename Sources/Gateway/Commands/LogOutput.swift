import HTTP
import Sockets
import Telemetry

/// What `portcullis logs` makes of lines, in pieces that go out together.
struct LogOutput {
  enum Form {
    case text(hasColours: Bool)
    case unchanged
    case summary
  }

  private let filter: LogFilter
  private let form: Form
  /// Whether a terminal shows it, which no byte of a log may control (SECURITY L-1).
  private let isForPeople: Bool
  private let text: LogLineText
  /// What the next `flush` writes.
  private(set) var bytes: [UInt8] = []
  private(set) var summary = LogSummary()
  /// Lines that are none of the gateway's, or cannot be read as such.
  private(set) var unreadable = 0
  /// Why nothing more is written.
  private(set) var fault: SystemError?

  init(_ filter: LogFilter, form: Form, isForPeople: Bool) {
    self.filter = filter
    self.form = form
    self.isForPeople = isForPeople
    if case .text(let hasColours) = form {
      text = LogLineText(hasColours: hasColours)
    } else {
      text = LogLineText(hasColours: false)
    }
  }

  mutating func add(_ bytes: Span<UInt8>, _ piece: LineReader.Piece) {
    guard case .line = piece, let line = LogLine(bytes) else {
      addUnreadable(bytes, piece)
      return
    }
    guard filter.admits(line) else { return }
    switch form {
    case .text:
      self.bytes += text.text(of: line).utf8
      self.bytes.append(UInt8(ascii: "\n"))
    case .unchanged:
      append(bytes)
      self.bytes.append(UInt8(ascii: "\n"))
    case .summary: summary.add(line)
    }
  }

  private mutating func addUnreadable(_ bytes: Span<UInt8>, _ piece: LineReader.Piece) {
    if piece != .part { unreadable += 1 }
    // Nobody knows whether it is what is looked for.
    guard case .text = form, filter.admitsAll else { return }
    append(bytes)
    if piece != .part { self.bytes.append(UInt8(ascii: "\n")) }
  }

  private mutating func append(_ bytes: Span<UInt8>) {
    let copy = [UInt8](bytes)
    if isForPeople {
      self.bytes += TerminalText.escaped(String(decoding: copy, as: UTF8.self)).utf8
    } else {
      self.bytes += copy
    }
  }

  /// Writes what there is.
  ///
  /// - Returns: False where nothing more can be written.
  mutating func flush() -> Bool {
    guard !bytes.isEmpty else { return true }
    do throws(SystemError) {
      try StandardStream.output.write(bytes)
    } catch {
      fault = error
    }
    bytes.removeAll(keepingCapacity: true)
    return fault == nil
  }
}

extension LogLine {
  /// What is said of lines that could not be read; nil where there are none.
  static func complaint(unreadable count: Int) -> String? {
    guard count > 0 else { return nil }
    return """
      \(count) line\(count == 1 ? " is" : "s are") neither JSON nor logfmt of the gateway's; unsupported: the Combined \
      Log Format, gzip (zcat FILE | …) and lines with a prefix (journalctl without -o cat)
      """
  }
}

extension LogSummary {
  /// For people.
  var text: String {
    guard let all else { return "no requests" }
    var parts = [
      "\(all.requests) request\(all.requests == 1 ? "" : "s"), \(all.refused) with a reason, "
        + "from \(all.first) to \(all.last)"
    ]
    if !byBlame.isEmpty {
      parts.append(LogSummary.table(["BLAME", "REQUESTS", "FIRST", "LAST"], byBlame) { [$0.word, "\($0.requests)"] })
      parts.append(
        LogSummary.table(["REASON", "BLAME", "REQUESTS", "FIRST", "LAST"], byReason) {
          [$0.word, $0.blame ?? "-", "\($0.requests)"]
        })
    }
    for (head, counts) in [("TRIED", byTried), ("SHADOW", byShadow)] where !counts.isEmpty {
      parts.append(
        LogSummary.table([head, "REQUESTS", "FIRST", "LAST"], counts) { [$0.word, "\($0.requests)"] })
    }
    parts.append(
      LogSummary.table(["ROUTE", "REQUESTS", "WITH A REASON", "FIRST", "LAST"], byRoute) {
        [$0.word, "\($0.requests)", "\($0.refused)"]
      })
    return parts.joined(separator: "\n\n")
  }

  private static func table(_ head: [String], _ counts: [Count], _ cells: (Count) -> [String]) -> String {
    var table = TextTable(head)
    for count in counts { table.add(cells(count) + [count.first, count.last]) }
    return table.text
  }
}
