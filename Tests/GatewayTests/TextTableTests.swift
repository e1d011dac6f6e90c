import Testing

@testable import Gateway

@Suite("Tables for a terminal")
struct TextTableTests {
  @Test("Columns are as wide as they have to be; the last one has no spaces behind it")
  func columns() {
    var table = TextTable(["NAME", "N", "WHY"])
    table.add(["a", "100", "x"])
    table.add(["a long name", "1", ""])
    #expect(
      table.text == """
        NAME         N    WHY
        a            100  x
        a long name  1    \("")
        """)
  }

  @Test("A head alone, and characters that take more than one byte")
  func width() {
    #expect(TextTable(["A", "B"]).text == "A  B")
    var table = TextTable(["A", "B"])
    table.add(["héé", "1"])
    table.add(["e\u{301}", "2"])
    #expect(table.text == "A    B\nhéé  1\ne\u{301}    2")
  }

  @Test("L-1: no cell ends a line or controls the terminal")
  func control() {
    var table = TextTable(["A", "B"])
    table.add(["a\nb", "\u{1B}[2J\u{202E}"])
    #expect(table.text == "A         B\na\\u000ab  \\u001b[2J\\u202e")
  }

  @Test(
    "A text of somebody else's is quoted where it is not plain",
    arguments: [
      ("alice", "alice"), ("a/b?c=%20'", "a/b?c=%20'"), ("", "\"\""), ("a b", "\"a b\""), ("a\"b", "\"a\\\"b\""),
      ("a\\b", "\"a\\\\b\""), ("-", "-"),
    ])
  func shown(text: String, shown: String) { #expect(TextTable.shown(text) == shown) }

  @Test("L-1: whatever it holds, it is one word between quotes", arguments: ["a\nb", "\u{7F}", "\u{1B}[2J", "é", "\0"])
  func shownQuoted(text: String) {
    let shown = TextTable.shown(text)
    #expect(shown.hasPrefix("\"") && shown.hasSuffix("\""))
    // Letters of other languages stay readable; what controls a terminal is escaped.
    #expect((shown == "\"\(text)\"") == (text == "é"))
    #expect(!shown.unicodeScalars.contains { $0.value < 0x20 })
  }
}
