/// One step of a YAML document, as libyaml's parser reports it.
struct YAMLEvent: Sendable {
  enum Kind: Sendable {
    case documentStart
    case documentEnd
    case alias
    case scalar(String, Scalar.Style)
    case sequenceStart
    case sequenceEnd
    case mappingStart
    case mappingEnd
  }

  let kind: Kind
  let position: Position
  /// Where it stands, in characters from the beginning of the text.
  var range = 0..<0
  /// Whether it is a list or a mapping in brackets.
  var isInBrackets = false
  /// `anchor` (`&name`) or `tag` (`!name`) where the value carries one.
  var decoration: String?
}

/// Where libyaml stopped: nothing after it was read.
struct YAMLSyntaxFault: Error, Sendable {
  /// libyaml's words for what it found.
  let problem: String
  /// libyaml's words for what it was reading.
  let context: String
  let position: Position
}
