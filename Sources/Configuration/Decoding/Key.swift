/// One key of a mapping: its name, where its value goes, how it is written, and what the reference says of it.
///
/// The only definition of the key: decoder and reference are both made from it.
struct Key<Target: Sendable>: Sendable {
  enum Presence: Sendable {
    case optional
    case required
    /// Required; the resolver says so when it is missing, as it knows more.
    case requiredByResolver
  }

  let name: String
  let presence: Presence
  let documentation: String
  /// How the value is written, for the reference.
  let kindReference: String
  /// The default that `Target` holds, as the file would write it.
  let defaultText: @Sendable (Target) -> String?
  /// The reference of the keys inside, at a path.
  let sections: @Sendable (_ path: String) -> [ReferenceSection]
  /// What is written, or the default; nil where that is nothing.
  let effective: @Sendable (Node?, Target) -> EffectiveValue?
  let decode: @Sendable (Node, inout Target, inout Decoding) -> Soundness

  /// A key that always has a value; `Target`'s own is its default.
  init<Value>(
    _ name: String, _ path: any WritableKeyPath<Target, Value> & Sendable, _ kind: ValueKind<Value>,
    _ documentation: String
  ) {
    self.name = name
    presence = .optional
    self.documentation = documentation
    kindReference = kind.reference
    defaultText = { kind.text($0[keyPath: path]) }
    sections = kind.sections
    effective = { node, target in node.map(kind.effective) ?? kind.effectiveDefault(target[keyPath: path]) }
    decode = { node, target, decoding in
      guard let value = kind.decode(node, &decoding) else { return .faulty }
      target[keyPath: path] = value
      return .sound
    }
  }

  /// A key without a default.
  init<Value>(
    _ name: String, ifWritten path: any WritableKeyPath<Target, Value?> & Sendable, _ kind: ValueKind<Value>,
    presence: Presence = .optional, _ documentation: String
  ) {
    self.name = name
    self.presence = presence
    self.documentation = documentation
    kindReference = kind.reference
    defaultText = { _ in nil }
    sections = kind.sections
    effective = { node, _ in node.map(kind.effective) }
    decode = { node, target, decoding in
      guard let value = kind.decode(node, &decoding) else { return .faulty }
      target[keyPath: path] = value
      return .sound
    }
  }
}
