/// All keys of one mapping of `gateway.conf`.
struct KeyTable<Target: Sendable>: Sendable {
  /// What the mapping configures, for the reference.
  let documentation: String
  /// The values of keys that are left out.
  let defaults: Target
  let keys: [Key<Target>]
  /// Keys of another mapping that are often written here, and the key here that holds that mapping.
  let misplaced: [String: String]

  init(_ documentation: String, defaults: Target, keys: [Key<Target>], misplaced: [String: String] = [:]) {
    self.documentation = documentation
    self.defaults = defaults
    self.keys = keys
    self.misplaced = misplaced
  }

  /// The values that `node` writes over the defaults; nil where it is no mapping. Faulty keys keep their defaults:
  /// the reports that they made keep the values from being used.
  func decode(_ node: Node, _ decoding: inout Decoding) -> Decoded<Target>? {
    guard let entries = node.entries(expected: "a mapping", &decoding) else { return nil }
    var value = defaults
    var places = KeyPlaces(mapping: node.position)
    for entry in entries {
      if let key = keys.first(where: { $0.name == entry.key }) {
        places.record(entry, key.decode(entry.value, &value, &decoding))
      } else {
        reportUnknown(entry, &decoding)
        places.recordUnknown(entry.key)
      }
    }
    for key in keys where key.presence == .required && places.isMissing(key.name) {
      decoding.report(node.position, "\"\(key.name)\" is missing. \(key.documentation)")
    }
    return Decoded(value, places)
  }

  /// This mapping's section of the reference and those of the mappings inside.
  func reference(_ path: String) -> [ReferenceSection] {
    let rows = keys.map { key in
      ReferenceSection.Row(
        key: key.name, kind: key.kindReference, section: key.sections(inside(path, key)).first?.path,
        defaultText: key.presence == .optional ? key.defaultText(defaults).map { "`\($0)`" } ?? "" : "required",
        documentation: key.documentation)
    }
    let inner = keys.flatMap { key in key.sections(inside(path, key)) }
    return [ReferenceSection(path: path, documentation: documentation, rows: rows)] + inner
  }

  private func reportUnknown(_ entry: Node.Entry, _ decoding: inout Decoding) {
    let hint =
      misplaced[entry.key].map { "; write \($0): { \(entry.key): \(entry.value.asFlow) }" }
      ?? NearestWord.hint(entry.key, in: keys.map(\.name))
    decoding.report(entry.keyPosition, "unknown key \"\(entry.key)\"\(hint)")
  }

  private func inside(_ path: String, _ key: Key<Target>) -> String {
    path.isEmpty ? key.name : "\(path).\(key.name)"
  }
}
