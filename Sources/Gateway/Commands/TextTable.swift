import JSON
import Telemetry

/// Rows of words under a head, for a terminal.
struct TextTable {
  private var rows: [[String]]

  init(_ head: [String]) { rows = [head] }

  /// Whatever is in a cell, it is one on its line (SECURITY L-1).
  mutating func add(_ cells: [String]) { rows.append(cells.map { TerminalText.escaped($0) }) }

  /// The columns as wide as they have to be, two spaces between.
  var text: String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// A text of somebody else's as one cell: quoted where it is not plain.
  static func shown(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    return isPlain ? text : JSONValue.quoted(text)
  }
}
