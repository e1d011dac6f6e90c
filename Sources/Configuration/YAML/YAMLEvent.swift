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
