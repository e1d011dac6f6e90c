extension YAMLSyntaxFault {
  /// What is wrong in the words of someone who writes a configuration, and where, with a hint where the text shows the
  /// cause.
  func diagnosis(in text: [UInt8]) -> (position: Position, message: String) {
    let lines = Lines(text)
    let character = lines.character(at: position)
    switch problem {
    case "mapping values are not allowed in this context":
      guard lines.isKeyAlone(before: position) else {
        return (position, "unexpected \":\"; a value that contains \": \" needs quotes, and a key starts its own line")
      }
      // The line before has no key in YAML's eyes, so that both are one text.
      if let former = lines.lineBefore(position.line), let place = lines.missingSpace(on: former) {
        return (place, YAMLSyntaxFault.missingSpace)
      }
      return (
        position, "unexpected \":\"; is the indentation right, and does the line before have \": \" after its key?"
      )
    case "could not find expected ':'":
      let place = lines.missingSpace(on: position.line)
      return (place ?? position, place == nil ? "expected \":\" after the key" : YAMLSyntaxFault.missingSpace)
    case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
      let isList = problem.hasSuffix("']'")
      // What goes on with a brace was meant to be one value: `/a/{id}`.
      let isInside = (character == "{" || character == "[") && !lines.isSpace(before: position)
      return (
        position,
        "expected \",\" or \(isList ? "\"]\" in a list" : "\"}\" in a mapping")"
          + (isInside ? quotesHint : lines.isQuote(before: position) ? quoteHint : "")
      )
    case "did not find expected node content":
      return (position, "expected a value" + (character == ":" ? quotesHint : ""))
    case "did not find expected key", "did not find expected '-' indicator":
      let message = "expected the next key or list element; is the indentation right?"
      // With a string that ends where another was to begin, the rest of that stands where nothing can.
      return (position, lines.isQuote(before: position) ? "expected the next key or list element" + quoteHint : message)
    default: return (position, sentence(isTab: character == "\t"))
    }
  }

  private static let missingSpace = "expected a space after \":\""

  /// Patterns and addresses are what people forget to quote: `[::]:80`, `{ path: /a/{id} }`.
  private var quotesHint: String { "; a value that begins with [ or contains braces inside {…} or […] needs quotes" }

  private var quoteHint: String { "; is a closing quote missing, here or on a line before?" }

  private func sentence(isTab: Bool) -> String {
    if isTab || problem.hasPrefix("found a tab character") { return "a tab cannot indent; use spaces" }
    return switch problem {
    case "found unexpected end of stream": "the string's closing quote is missing"
    case "found character that cannot start any token": "a value cannot begin with this character; quote it"
    case "did not find expected alphabetic or numeric character":
      "a value that begins with * or & needs quotes"
    default: context.isEmpty ? problem : "\(problem) (\(context))"
    }
  }

  /// The lines of a text, by the numbers and columns of positions.
  private struct Lines {
    private let lines: [[Unicode.Scalar]]

    init(_ text: [UInt8]) {
      let text = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text.dropFirst(3) : text[...]
      lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
        Array(String(decoding: $0, as: UTF8.self).unicodeScalars)
      }
    }

    /// Empty where there is no such line.
    private func line(_ number: Int) -> [Unicode.Scalar] {
      lines.indices.contains(number - 1) ? lines[number - 1] : []
    }

    /// nil at the end of a line.
    func character(at position: Position) -> Unicode.Scalar? {
      let line = line(position.line)
      return line.indices.contains(position.column - 1) ? line[position.column - 1] : nil
    }

    func isSpace(before position: Position) -> Bool {
      let before = character(at: Position(line: position.line, column: position.column - 1))
      return before == nil || before == " "
    }

    /// Whether the last thing before it on its line is a quote.
    func isQuote(before position: Position) -> Bool {
      let before = line(position.line).prefix(max(0, position.column - 1)).last { $0 != " " }
      return before == "\"" || before == "'"
    }

    /// Whether nothing but a word is before the place, behind indentation and dashes.
    func isKeyAlone(before position: Position) -> Bool {
      let key = line(position.line).prefix(position.column - 1).drop { $0 == " " || $0 == "-" }
      return !key.isEmpty && key.allSatisfy(Lines.isOfWord)
    }

    /// The number of the line before that one that is neither empty nor a comment.
    func lineBefore(_ number: Int) -> Int? {
      (1..<max(1, number)).last { candidate in
        guard let first = line(candidate).first(where: { $0 != " " }) else { return false }
        return first != "#"
      }
    }

    /// Where the value begins on a line such as `audiences:[orders]`; nil where the line is not of that form.
    func missingSpace(on number: Int) -> Position? {
      let line = line(number)
      guard let start = line.firstIndex(where: { $0 != " " && $0 != "-" }) else { return nil }
      let word = line[start...].prefix(while: Lines.isOfWord)
      let colon = word.endIndex
      guard !word.isEmpty, colon + 1 < line.endIndex, line[colon] == ":" else { return nil }
      // A URL is no key.
      guard ![" ", "/", "\r", ":"].contains(line[colon + 1]) else { return nil }
      return Position(line: number, column: colon + 2)
    }

    private static func isOfWord(_ character: Unicode.Scalar) -> Bool {
      character == "_" || character == "-" || character.isASCII && character.properties.isAlphabetic
        || ("0"..."9").contains(character)
    }
  }
}
