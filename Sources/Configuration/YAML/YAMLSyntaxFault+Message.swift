extension YAMLSyntaxFault {
  /// What is wrong in the words of someone who writes a configuration, with a hint where the line shows the cause.
  func message(in text: [UInt8]) -> String { Self.sentence(problem, context) + hint(in: text) }

  private static func sentence(_ problem: String, _ context: String) -> String {
    switch problem {
    case "mapping values are not allowed in this context":
      "unexpected \":\"; a value that contains \": \" needs quotes, and a key starts its own line"
    case "did not find expected key", "did not find expected '-' indicator":
      "expected the next key or list element; is the indentation right?"
    case "could not find expected ':'": "expected \":\" after the key"
    case "did not find expected ',' or ']'": "expected \",\" or \"]\" in a list"
    case "did not find expected ',' or '}'": "expected \",\" or \"}\" in a mapping"
    case "did not find expected node content": "expected a value"
    case "found unexpected end of stream": "the string's closing quote is missing"
    case "found character that cannot start any token":
      "a value cannot begin with this character; quote it (a tab cannot indent: use spaces)"
    case "did not find expected alphabetic or numeric character":
      "a value that begins with * or & needs quotes"
    default: context.isEmpty ? problem : "\(problem) (\(context))"
    }
  }

  /// Patterns and addresses are what people forget to quote: `*.example.com`, `[::]:80`, `{ path: /a/{id} }`.
  private func hint(in text: [UInt8]) -> String {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard lines.indices.contains(position.line - 1) else { return "" }
    let line = lines[position.line - 1]
    let openings = line.count { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") }
    guard openings > 1 || line.contains(UInt8(ascii: "]")) && problem != "did not find expected ',' or ']'" else {
      return ""
    }
    return "; a value that begins with [ or contains braces inside {…} or […] needs quotes"
  }
}
