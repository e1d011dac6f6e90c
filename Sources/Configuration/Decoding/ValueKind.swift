/// How a value of `gateway.conf` is written: what the reference says of it, and how it is decoded.
///
/// A kind is used by several keys; `Key` joins it with a name and a place in the configuration.
struct ValueKind<Value: Sendable>: Sendable {
  /// For "expected …": `a size`.
  let noun: String
  /// For the reference: `size, 1KiB to 32KiB`.
  let reference: String
  /// A value as the file would write it, for the reference's defaults; nil where there is nothing to show.
  let text: @Sendable (Value) -> String?
  /// The reference of the keys inside, at a path such as `providers.<name>`.
  let sections: @Sendable (_ path: String) -> [ReferenceSection]
  /// What is written, with the defaults of keys inside.
  let effective: @Sendable (Node) -> EffectiveValue
  /// The same of a default; nil where there is nothing to show.
  let effectiveDefault: @Sendable (Value) -> EffectiveValue?
  /// The value, or nil after at least one report.
  let decode: @Sendable (Node, inout Decoding) -> Value?

  init(
    noun: String, reference: String,
    text: @escaping @Sendable (Value) -> String? = { _ in nil },
    sections: @escaping @Sendable (_ path: String) -> [ReferenceSection] = { _ in [] },
    effective: @escaping @Sendable (Node) -> EffectiveValue = { EffectiveValue($0) },
    effectiveDefault: (@Sendable (Value) -> EffectiveValue?)? = nil,
    decode: @escaping @Sendable (Node, inout Decoding) -> Value?
  ) {
    self.noun = noun
    self.reference = reference
    self.text = text
    self.sections = sections
    self.effective = effective
    self.effectiveDefault = effectiveDefault ?? { text($0).map { .text($0) } }
    self.decode = decode
  }

  /// A kind that is written as one text. `parse` says what is wrong with it, as a sentence whose subject is the text.
  static func scalar(
    noun: String, reference: String,
    text: @escaping @Sendable (Value) -> String? = { _ in nil },
    parse: @escaping @Sendable (Scalar) throws(ValueFault) -> Value
  ) -> ValueKind {
    ValueKind(noun: noun, reference: reference, text: text) { node, decoding in
      guard let scalar = node.scalar(expected: noun, &decoding) else { return nil }
      do throws(ValueFault) {
        return try parse(scalar)
      } catch {
        decoding.report(node.position, "\(scalar.quoted) \(error.predicate)")
        return nil
      }
    }
  }

  /// The same kind, with the place where the value stands.
  var located: ValueKind<Located<Value>> {
    ValueKind<Located<Value>>(
      noun: noun, reference: reference, text: { text($0.value) }, sections: sections, effective: effective,
      effectiveDefault: { effectiveDefault($0.value) },
      decode: { node, decoding in
        decode(node, &decoding).map { Located(value: $0, position: node.position, written: node.noun) }
      })
  }

  /// The same kind, but no mapping without keys: `require: {}` looks like a demand, and is none.
  var notEmpty: ValueKind {
    ValueKind(
      noun: noun, reference: reference, text: text, sections: sections, effective: effective,
      effectiveDefault: effectiveDefault,
      decode: { node, decoding in
        if case .mapping(let entries) = node.content, entries.isEmpty {
          decoding.report(node.position, "an empty mapping, which requires nothing; leave the key out")
          return nil
        }
        return decode(node, &decoding)
      })
  }

  /// The same kind, with its value turned into another.
  func map<Other: Sendable>(
    _ transform: @escaping @Sendable (Value) -> Other, text: @escaping @Sendable (Other) -> String? = { _ in nil }
  ) -> ValueKind<Other> {
    ValueKind<Other>(
      noun: noun, reference: reference, text: text, sections: sections, effective: effective,
      decode: { node, decoding in decode(node, &decoding).map(transform) })
  }
}

/// Why a text is no value of its kind: `is no duration; …`, to follow the text in quotes.
struct ValueFault: Error, Equatable {
  let predicate: String

  init(_ predicate: String) {
    self.predicate = predicate
  }
}

/// A value and the place where it stands in the file.
struct Located<Value: Sendable>: Sendable {
  let value: Value
  let position: Position
  /// As the file says it, in quotes: for messages.
  let written: String
}

extension Node {
  /// The text, or nil after a report.
  func scalar(expected noun: String, _ decoding: inout Decoding) -> Scalar? {
    switch content {
    case .scalar(let scalar) where !scalar.isNothing: return scalar
    case .scalar, .sequence: decoding.report(position, "expected \(noun), found \(self.noun)")
    case .mapping:
      decoding.report(position, "expected \(noun), found a mapping; a value that begins with { needs quotes")
    case .faulty: break
    }
    return nil
  }
}
