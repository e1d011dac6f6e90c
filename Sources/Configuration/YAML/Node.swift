internal import HTTP

/// A value of `gateway.conf`, untyped, with its place.
struct Node: Sendable {
  enum Content: Sendable {
    case scalar(Scalar)
    case sequence([Node])
    case mapping([Entry])
    /// Already reported; whoever decodes it stays silent.
    case faulty
  }

  struct Entry: Sendable {
    let key: String
    let keyPosition: Position
    let value: Node
  }

  private(set) var content: Content
  let position: Position
  /// Where it stands, in characters from the beginning of the text: without spaces and comments after it.
  var range = 0..<0
  /// Whether it is a list or a mapping in brackets.
  var isInBrackets = false

  /// `a list`, for "expected a size, found a list".
  var noun: String {
    switch content {
    case .scalar(let scalar): scalar.isNothing ? "nothing" : scalar.quoted
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .faulty: "a fault"
    }
  }

  /// The same, for messages that must not quote it: its text may be a secret.
  var hidden: Node {
    guard case .scalar(let scalar) = content, !scalar.written.isEmpty else { return self }
    var node = self
    node.content = .scalar(Scalar(text: scalar.text, written: "(hidden)", style: scalar.style))
    return node
  }
}

/// A text of `gateway.conf`. What it means is said by its key alone: `off`, `yes` and `0644` are no more than text.
struct Scalar: Sendable, Hashable {
  enum Style: Sendable { case plain, quoted }

  /// With `${NAME}` replaced.
  let text: String
  /// As the file says it.
  let written: String
  let style: Style

  /// As the file says it, but for secrets: the query of a URL, or of a path, may hold a key (SECURITY L-2).
  var shown: String { written.hasPrefix("/") || written.contains("://") ? ShownURL(written).description : written }

  /// What messages quote: what is wrong with it may be that it is not seen to be a URL.
  var quoted: String { "\"\(ShownURL(written))\"" }

  /// A key without a value, as in `upstreams:` at the end of a line.
  var isNothing: Bool { style == .plain && written.isEmpty }
}
