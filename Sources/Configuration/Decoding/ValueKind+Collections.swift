extension ValueKind {
  /// A mapping with the keys of `table`.
  static func mapping<Target>(_ table: KeyTable<Target>) -> ValueKind where Value == Decoded<Target> {
    ValueKind(
      noun: "a mapping", reference: "mapping", sections: { path in table.reference(path) },
      effective: { table.effective($0) }, effectiveDefault: { _ in table.effective(nil) },
      decode: { node, decoding in table.decode(node, &decoding) })
  }

  /// A mapping from names of the operator's choice to mappings with the keys of `table`.
  static func named<Target>(_ table: KeyTable<Target>, _ noun: String) -> ValueKind where Value == [Named<Target>] {
    ValueKind(
      noun: "a mapping", reference: "mapping of names", sections: { path in table.reference("\(path).<name>") },
      effective: { node in
        guard case .mapping(let entries) = node.content else { return EffectiveValue(node) }
        return .mapping(entries.map { .init(key: $0.key, value: table.effective($0.value)) })
      },
      decode: { node, decoding in
        guard let entries = node.entries(expected: "a mapping from \(noun) names", &decoding) else { return nil }
        return entries.compactMap { entry in
          if let fault = NameText.fault(entry.key) {
            decoding.report(entry.keyPosition, "\"\(entry.key)\" \(fault.predicate)")
          }
          guard let body = table.decode(entry.value, &decoding) else { return nil }
          return Named(name: entry.key, position: entry.keyPosition, body: body)
        }
      })
  }

  /// A list with at least one element. Faulty elements are reported and left out.
  static func list<Element>(of kind: ValueKind<Element>, _ noun: String) -> ValueKind where Value == [Element] {
    ValueKind(
      noun: "a list of \(noun)", reference: "list: \(kind.reference)",
      text: { list in
        let texts = list.compactMap(kind.text)
        return texts.isEmpty ? nil : "[\(texts.joined(separator: ", "))]"
      },
      sections: { path in kind.sections("\(path)[]") },
      effective: { node in
        guard case .sequence(let elements) = node.content else { return EffectiveValue(node) }
        return .list(elements.map(kind.effective))
      },
      effectiveDefault: { list in
        let values = list.compactMap(kind.effectiveDefault)
        return values.isEmpty ? nil : .list(values)
      },
      decode: { node, decoding in
        if case .scalar(let scalar) = node.content, !scalar.isNothing, kind.noun != "a mapping" {
          decoding.report(
            node.position, "expected a list of \(noun), found \(node.noun); write \(scalar.asList)")
          return nil
        }
        guard let elements = node.elements(expected: "a list of \(noun)", &decoding) else { return nil }
        let decoded = elements.map { kind.decode($0, &decoding) }
        return decoded.contains { $0 == nil } ? nil : decoded.compactMap(\.self)
      })
  }

  /// One value, or a list of them.
  static func oneOrMore<Element>(of kind: ValueKind<Element>, _ noun: String) -> ValueKind where Value == [Element] {
    let list = ValueKind<[Element]>.list(of: kind, noun)
    return ValueKind(
      noun: "\(kind.noun) or \(list.noun)", reference: "\(kind.reference), or a list",
      text: { $0.count == 1 ? $0.first.flatMap(kind.text) : list.text($0) },
      effective: { node in
        if case .sequence = node.content { list.effective(node) } else { kind.effective(node) }
      },
      effectiveDefault: { list.effectiveDefault($0) },
      decode: { node, decoding in
        if case .sequence = node.content { return list.decode(node, &decoding) }
        return kind.decode(node, &decoding).map { [$0] }
      })
  }
}

extension ValueKind {
  /// The same kind, for a key that has keywords beside its list: in the list they would be names like any other, and the
  /// key would do something else than it says.
  ///
  /// - Parameters:
  ///   - keywords: In lower case; no element is one of them, in any case.
  ///   - advice: What to write instead of one; if omitted, the keyword by itself.
  func keepingApart(_ keywords: String..., advice: String? = nil) -> ValueKind {
    ValueKind(
      noun: noun, reference: reference, text: text, sections: sections, effective: effective,
      effectiveDefault: effectiveDefault,
      decode: { node, decoding in
        guard case .sequence(let elements) = node.content else { return decode(node, &decoding) }
        var isFound = false
        for element in elements {
          guard case .scalar(let scalar) = element.content,
            let keyword = keywords.first(where: { $0 == scalar.text.lowercased() })
          else { continue }
          isFound = true
          let alone = "write \(keyword) without \(node.isInBrackets ? "brackets" : "a dash")"
          decoding.report(element.position, "\(scalar.quoted) cannot be in a list; \(advice ?? alone)")
        }
        return isFound ? nil : decode(node, &decoding)
      })
  }
}

/// An entry of a mapping whose keys are names.
struct Named<Target: Sendable>: Sendable {
  let name: String
  /// Where the name stands.
  let position: Position
  let body: Decoded<Target>
}

extension Node {
  /// The entries of a mapping, or nil after a report.
  func entries(expected noun: String, _ decoding: inout Decoding) -> [Entry]? {
    switch content {
    case .mapping(let entries): return entries
    case .scalar, .sequence: decoding.report(position, "expected \(noun), found \(self.noun)")
    case .faulty: break
    }
    return nil
  }

  /// The elements of a list, at least one; or nil after a report.
  func elements(expected noun: String, _ decoding: inout Decoding) -> [Node]? {
    switch content {
    case .sequence(let elements) where !elements.isEmpty: return elements
    case .sequence: decoding.report(position, "an empty list; expected \(noun), or leave the key out")
    case .scalar, .mapping: decoding.report(position, "expected \(noun), found \(self.noun)")
    case .faulty: break
    }
    return nil
  }
}
