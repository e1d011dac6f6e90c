/// A value of a configuration as it takes effect: what the file says, and defaults where it says nothing.
public enum EffectiveValue: Sendable, Equatable {
  /// A scalar as the file would write it. `${NAME}` stays as it is: what the environment holds may be a secret.
  case text(String)
  case list([EffectiveValue])
  case mapping([Entry])

  /// A key of a mapping, with its value.
  public struct Entry: Sendable, Equatable {
    /// The key's name.
    public let key: String
    /// What it is set to, or its default.
    public let value: EffectiveValue
  }

  /// In place of what may be a secret.
  static let hidden = EffectiveValue.text("(hidden)")

  /// As it is written, without defaults.
  init(_ node: Node) {
    switch node.content {
    case .scalar(let scalar): self = .text(scalar.shown)
    case .sequence(let elements): self = .list(elements.map(EffectiveValue.init))
    case .mapping(let entries): self = .mapping(entries.map { Entry(key: $0.key, value: EffectiveValue($0.value)) })
    case .faulty: self = .hidden
    }
  }
}

extension EffectiveValue {
  /// Replaces the value at a path of keys, or adds it; nil removes it. Without the mapping that it belongs to nothing
  /// changes.
  mutating func set(_ path: [String], to value: EffectiveValue?) {
    guard case .mapping(var entries) = self, let key = path.first else { return }
    let place = entries.firstIndex { $0.key == key }
    if path.count > 1 {
      guard let place else { return }
      var inner = entries[place].value
      inner.set(Array(path.dropFirst()), to: value)
      entries[place] = Entry(key: key, value: inner)
    } else if let place {
      entries.remove(at: place)
      if let value { entries.insert(Entry(key: key, value: value), at: place) }
    } else if let value {
      entries.append(Entry(key: key, value: value))
    }
    self = .mapping(entries)
  }
}

extension KeyTable {
  /// The mapping with its defaults.
  ///
  /// - Parameter node: What is written; nil: nothing.
  func effective(_ node: Node?) -> EffectiveValue {
    var written: [Node.Entry] = []
    switch node?.content {
    case nil: break
    case .mapping(let entries): written = entries
    case .scalar, .sequence, .faulty: return node.map(EffectiveValue.init) ?? .hidden
    }
    return .mapping(
      keys.compactMap { key in
        key.effective(written.first { $0.key == key.name }?.value, defaults).map { .init(key: key.name, value: $0) }
      })
  }
}
