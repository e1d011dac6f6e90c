/// Builds the tree of one document from its events, and reports what the strict subset of YAML leaves out.
///
/// Refused: anchors, aliases, tags, merge keys (`<<`), duplicate keys, keys that are no text, further documents, and
/// control characters in texts. Reading goes on after each, so that all are reported in one run.
struct NodeComposer {
  private let events: [YAMLEvent]
  private let environment: [String: String]?
  private var next = 0
  private(set) var faults: [(position: Position, message: String)] = []

  /// - Parameter environment: What `${NAME}` stands for; nil: for itself.
  init(_ events: [YAMLEvent], environment: [String: String]?) {
    self.events = events
    self.environment = environment
  }

  /// The first document's tree; nil for a file that holds no document.
  mutating func compose() -> Node? {
    guard take()?.kind.isDocumentStart == true else { return nil }
    let node = composeNode()
    _ = take()
    if let second = take() {
      report(second.position, "a second document; the file is one document")
    }
    return node
  }

  private mutating func composeNode() -> Node? {
    guard let event = take() else { return nil }
    if let decoration = event.decoration {
      report(event.position, "\(decoration)s are not allowed; a value that begins with & or ! needs quotes")
    }
    switch event.kind {
    case .scalar(let text, let style): return scalar(text, style, event)
    case .sequenceStart: return sequence(event)
    case .mappingStart: return mapping(event)
    case .alias:
      report(event.position, "aliases are not allowed; a value that begins with * needs quotes")
      return Node(content: .faulty, position: event.position)
    case .documentStart, .documentEnd, .sequenceEnd, .mappingEnd: return nil
    }
  }

  private mutating func scalar(_ written: String, _ style: Scalar.Style, _ event: YAMLEvent) -> Node {
    var content = Node.Content.faulty
    do throws(EnvironmentText.Fault) {
      var text = written
      if let environment { text = try EnvironmentText.replace(in: written, from: environment) }
      if Self.holdsControlCharacter(text) {
        report(event.position, "a string with a line break or another control character")
      } else {
        content = .scalar(Scalar(text: text, written: written, style: style))
      }
    } catch {
      report(event.position, error.message)
    }
    return Node(content: event.decoration == nil ? content : .faulty, position: event.position, range: event.range)
  }

  private mutating func sequence(_ start: YAMLEvent) -> Node {
    var elements: [Node] = []
    while let node = composeNode() { elements.append(node) }
    return Node(
      content: .sequence(elements), position: start.position, range: range(from: start, lastInside: elements.last),
      isInBrackets: start.isInBrackets)
  }

  /// libyaml ends what has no brackets where the next thing begins, after comments.
  private func range(from start: YAMLEvent, lastInside last: Node?) -> Range<Int> {
    let end = start.isInBrackets && next > 0 ? events[next - 1].range : last?.range ?? start.range
    return start.range.lowerBound..<max(start.range.lowerBound, end.upperBound)
  }

  private mutating func mapping(_ start: YAMLEvent) -> Node {
    var entries: [Node.Entry] = []
    while let event = take(), !event.kind.isMappingEnd {
      guard case .scalar(let key, let style) = event.kind else {
        next -= 1
        _ = composeNode()
        report(event.position, "a key must be a word")
        _ = composeNode()
        continue
      }
      if let decoration = event.decoration { report(event.position, "\(decoration)s are not allowed") }
      guard let value = composeNode() else { break }
      if Self.holdsControlCharacter(key) {
        report(event.position, "a key with a line break or another control character")
      } else if key == "<<", style == .plain {
        report(event.position, "merge keys (<<) are not allowed")
      } else if let first = entries.first(where: { $0.key == key }) {
        report(event.position, "duplicate key \"\(key)\"; it is already on line \(first.keyPosition.line)")
      } else {
        entries.append(Node.Entry(key: key, keyPosition: event.position, value: value))
      }
    }
    return Node(
      content: .mapping(entries), position: start.position,
      range: range(from: start, lastInside: entries.last?.value), isInBrackets: start.isInBrackets)
  }

  private static func holdsControlCharacter(_ text: String) -> Bool {
    text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
  }

  private mutating func take() -> YAMLEvent? {
    guard next < events.count else { return nil }
    defer { next += 1 }
    return events[next]
  }

  private mutating func report(_ position: Position, _ message: String) {
    faults.append((position, message))
  }
}

extension YAMLEvent.Kind {
  fileprivate var isDocumentStart: Bool {
    if case .documentStart = self { true } else { false }
  }
  fileprivate var isMappingEnd: Bool {
    if case .mappingEnd = self { true } else { false }
  }
}
