import Testing

@testable import Configuration

@Suite("YAML, read strictly")
struct YAMLTests {
  struct Row: CustomTestStringConvertible {
    let what: String
    let text: String
    let fault: String
    var testDescription: String { what }
  }

  @Test(
    "A-3: what a configuration does not need is refused with its place",
    arguments: [
      Row(
        what: "an unknown key", text: "worker: 2\n",
        fault: "1:1: unknown key \"worker\"; did you mean \"workers\"?"),
      Row(what: "a far unknown key", text: "banana: 2\n", fault: "1:1: unknown key \"banana\""),
      Row(
        what: "a duplicate key", text: "workers: 1\nworkers: 2\n",
        fault: "2:1: duplicate key \"workers\"; it is already on line 1"),
      Row(
        what: "a duplicate key in other quotes", text: "workers: 1\n\"workers\": 2\n",
        fault: "2:1: duplicate key \"workers\"; it is already on line 1"),
      Row(
        what: "an anchor", text: "workers: &many 4\n",
        fault: "1:10: anchors are not allowed; a value that begins with & or ! needs quotes"),
      Row(
        what: "an alias", text: "workers: *many\n",
        fault: "1:10: aliases are not allowed; a value that begins with * needs quotes"),
      Row(
        what: "a tag", text: "workers: !!int 4\n",
        fault: "1:10: tags are not allowed; a value that begins with & or ! needs quotes"),
      Row(
        what: "an anchored mapping", text: "log: &log { level: info }\n",
        fault: "1:6: anchors are not allowed; a value that begins with & or ! needs quotes"),
      Row(what: "a merge key", text: "log:\n  <<: { level: info }\n", fault: "2:3: merge keys (<<) are not allowed"),
      Row(
        what: "a second document", text: "workers: 1\n---\nworkers: 2\n",
        fault: "2:1: a second document; the file is one document"),
      Row(
        what: "a control character in a key", text: "\"a\\eb\": 1\n",
        fault: "1:1: a key with a line break or another control character"),
      Row(what: "a key that is no word", text: "[a]: 1\n", fault: "1:1: a key must be a word"),
      Row(
        what: "a control character", text: "workers: \"a\\0b\"\n",
        fault: "1:10: a string with a line break or another control character"),
      Row(
        what: "a line break", text: "workers: |\n  1\n  2\n",
        fault: "1:10: a string with a line break or another control character"),
      Row(
        what: "a variable that is not set", text: "workers: ${NOT_SET}\n",
        fault: "1:10: environment variable \"NOT_SET\" is not set"),
      Row(
        what: "the folder of credentials outside the service", text: "workers: ${CREDENTIALS_DIRECTORY}/workers\n",
        fault: "1:10: environment variable \"CREDENTIALS_DIRECTORY\" is not set; systemd sets it for the service "
          + "alone: beside it, as root and while the service runs, export "
          + "CREDENTIALS_DIRECTORY=/run/credentials/portcullis.service"),
      Row(what: "a list for a mapping", text: "log: [a]\n", fault: "1:6: expected a mapping, found a list"),
      Row(what: "a text for a mapping", text: "log: stdout\n", fault: "1:6: expected a mapping, found \"stdout\""),
      Row(what: "nothing for a mapping", text: "log:\n", fault: "1:5: expected a mapping, found nothing"),
      Row(what: "nothing for a number", text: "workers:\n", fault: "1:9: expected auto or a number, found nothing"),
      Row(
        what: "braces for a text", text: "workers: {NAME}\n",
        fault: "1:10: expected auto or a number, found a mapping; a value that begins with { needs quotes"),
    ])
  func refused(_ row: Row) {
    // `listeners` and `routes` are missing as well: that is another fault.
    let found = faults(row.text).filter { !$0.contains("is missing") }
    #expect(found == [row.fault])
  }

  @Test(
    "A syntax error stands alone, and says what to look for",
    arguments: [
      Row(
        what: "a tab", text: "log:\n\tlevel: info\n",
        fault: "2:1: a tab cannot indent; use spaces"),
      Row(
        what: "a tab before a list", text: "providers:\n  x:\n    issuer: y\n\taudiences: [orders]\n",
        fault: "4:1: a tab cannot indent; use spaces"),
      Row(
        what: "another character that begins nothing", text: "a: @x [b]\n",
        fault: "1:4: a value cannot begin with this character; quote it"),
      Row(
        what: "a key without a colon", text: "a: 1\nauth none\nd: [4]\n", fault: "2:1: expected \":\" after the key"),
      Row(
        what: "a key without a colon before one that is nested", text: "a:\n  b: 1\n  auth none\n  d: 4\n",
        fault: "3:3: expected \":\" after the key"),
      Row(
        what: "no space after the colon", text: "p:\n  x: 1\n  audiences:[orders]\n  d: 4\n",
        fault: "3:13: expected a space after \":\""),
      Row(
        what: "no space after the first colon", text: "p:\n  - audiences:[orders]\n\n    d: 4\n",
        fault: "2:15: expected a space after \":\""),
      Row(
        what: "a key that stands too far to the right", text: "routes:\n  - path: /a\n     auth: [x]\n",
        fault: "3:10: unexpected \":\"; is the indentation right, and does the line before have \": \" after its key?"),
      Row(
        what: "a key that stands too far to the left, with a list",
        text: "p:\n  x:\n    issuer: y\n   audiences: [orders]\n",
        fault: "4:4: expected the next key or list element; is the indentation right?"),
      Row(
        what: "an open quote before another string", text: "a: \"x\nb: [\"c\"]\n",
        fault: "2:6: expected the next key or list element; is a closing quote missing, here or on a line before?"),
      Row(
        what: "an open quote in brackets before another string", text: "a: { b: \"x }\nc: [\"d\"]\n",
        fault: "2:6: expected \",\" or \"}\" in a mapping; is a closing quote missing, here or on a line before?"),
      Row(
        what: "an open quote in a list", text: "a: [\"x]\nb: c\n", fault: "1:5: the string's closing quote is missing"),
      Row(
        what: "a missing comma", text: "a: { b: [x] c: d }\n", fault: "1:13: expected \",\" or \"}\" in a mapping"),
      Row(
        what: "a mapping that is not closed", text: "a: { b: [x]\nc: d\n",
        fault: "2:1: expected \",\" or \"}\" in a mapping"),
      Row(
        what: "braces inside a list", text: "a: [/a/{id}]\n",
        fault: "1:8: expected \",\" or \"]\" in a list; "
          + "a value that begins with [ or contains braces inside {…} or […] needs quotes"),
      Row(
        what: "an address that begins with a bracket", text: "listeners:\n  - address: [::]:8080\n",
        fault: "2:15: expected a value; a value that begins with [ or contains braces inside {…} or […] needs quotes"),
      Row(
        what: "a wildcard without quotes", text: "routes:\n  - host: *.example.com\n",
        fault: "2:12: a value that begins with * or & needs quotes"),
      Row(
        what: "braces inside braces", text: "routes:\n  - { path: /a/{id}, auth: none }\n",
        fault:
          "2:16: expected \",\" or \"}\" in a mapping; "
          + "a value that begins with [ or contains braces inside {…} or […] needs quotes"),
      Row(
        what: "a bad indentation", text: "log:\n    level: info\n  format: json\n",
        fault: "3:3: expected the next key or list element; is the indentation right?"),
      Row(
        what: "a colon in a value", text: "log: level: info\n",
        fault: "1:11: unexpected \":\"; a value that contains \": \" needs quotes, and a key starts its own line"),
      Row(what: "an open quote", text: "log: \"level\n", fault: "1:6: the string's closing quote is missing"),
      Row(what: "an open list", text: "log: [a, b\n", fault: "1:6: expected \",\" or \"]\" in a list"),
    ])
  func syntax(_ row: Row) {
    #expect(faults(row.text) == [row.fault])
  }

  @Test("Text that is not UTF-8 is refused with its place")
  func encoding() {
    let bytes = Array("workers: 1\nlog: é".utf8) + [0xFF]
    let result = GatewayConfiguration.parse(bytes, file: "f", environment: [:], processorCount: 4)
    guard case .failure(let diagnostics) = result else {
      Issue.record("parsed")
      return
    }
    #expect(diagnostics.description == "f:2:7: invalid leading UTF-8 octet")
  }

  @Test("A byte order mark is no part of the text")
  func byteOrderMark() {
    #expect(faults("\u{FEFF}" + Sample().text) == [])
  }

  @Test("Nesting is bounded", arguments: ["[", "{a: ", "- "])
  func nesting(_ opening: String) {
    let found = faults("log: " + String(repeating: opening, count: 100_000))
    #expect(found.count == 1)
  }

  @Test("An empty file says what is needed", arguments: ["", "# nothing\n", "---\n"])
  func empty(_ text: String) {
    #expect(faults(text).count == 1, "\(faults(text))")
  }

  @Test(
    "Words that YAML 1.1 takes for booleans, numbers or null are texts",
    arguments: ["off", "yes", "0644", "null", "~", "1e3"])
  func texts(_ word: String) throws {
    let file = try configuration(Sample(top: "log: { access: \(word) }\n").text)
    #expect(file.log.access == (word == "off" ? .off : .file(word)))
  }

  struct EnvironmentRow: CustomTestStringConvertible {
    let text: String
    let path: String
    var testDescription: String { text }
  }

  @Test(
    "Variables of the environment are text, never YAML",
    arguments: [
      EnvironmentRow(text: "${NAME}", path: "one"),
      EnvironmentRow(text: "a-${NAME}-${OTHER}.log", path: "a-one-two: [x].log"),
      EnvironmentRow(text: "$${NAME}", path: "${NAME}"),
      EnvironmentRow(text: "$NAME", path: "$NAME"),
      EnvironmentRow(text: "5$", path: "5$"),
      EnvironmentRow(text: "${NESTED}", path: "${NAME}"),
      EnvironmentRow(text: "'${OTHER}'", path: "two: [x]"),
    ])
  func environment(_ row: EnvironmentRow) throws {
    let variables = ["NAME": "one", "OTHER": "two: [x]", "NESTED": "${NAME}"]
    let file = try configuration(Sample(top: "log:\n  access: \(row.text)\n").text, environment: variables)
    #expect(file.log.access == .file(row.path))
  }

  @Test(
    "Malformed variables are refused",
    arguments: [
      Row(what: "no end", text: "${NAME", fault: "\"${\" has no \"}\"; write $${ for the text itself"),
      Row(what: "no name", text: "${}", fault: "\"${}\" names no environment variable; write $${ for the text itself"),
      Row(
        what: "a shell's default", text: "${NAME:-x}",
        fault: "\"${NAME:-x}\" names no environment variable; write $${ for the text itself"),
      Row(
        what: "a digit first", text: "${1A}",
        fault: "\"${1A}\" names no environment variable; write $${ for the text itself"),
    ])
  func malformedVariables(_ row: Row) {
    let found = faults(Sample(top: "workers: '\(row.text)'\n").text, environment: ["NAME": "1"])
    #expect(found == ["3:10: \(row.fault)"])
  }

  @Test("L-2: a message never quotes what a variable held")
  func secretsStayOut() {
    let found = faults(Sample(top: "workers: ${SECRET}\n").text, environment: ["SECRET": "hunter2"])
    #expect(found == ["3:10: \"${SECRET}\" is neither auto nor a whole number"])
  }
}
