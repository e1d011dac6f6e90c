/// Module `JSON`: strict JSON texts (RFC 8259) as values.
/// May import: CJSON.
/// Never does: I/O, or lenience: one text has one reading or none.

/// Why a text is refused.
public enum JSONError: Error, Sendable, Equatable {
  /// No JSON text (RFC 8259 §2), or more after it, or a byte order mark before it.
  case malformed
  /// Nested deeper than allowed.
  case tooDeep
  /// A number that no finite double can stand for.
  case numberOutOfRange
  /// Bad UTF-8, or an escape that is no Unicode scalar.
  case notUTF8
  /// An object has a name twice, compared after unescaping.
  case nameRepeated
  /// Memory ran out.
  case noMemory
}

/// Reading and writing JSON texts.
public enum JSON {
  /// Reads one JSON text.
  ///
  /// - Parameters:
  ///   - bytes: The whole text, nothing before or after it but white space.
  ///   - depthMax: How deep arrays and objects may nest.
  /// - Throws: `JSONError`; for a repeated name too, on which parsers disagree (RFC 8259 §4, RFC 7519 §4).
  public static func parse(_ bytes: Span<UInt8>, depthMax: Int = 16) throws(JSONError) -> JSONValue {
    let document = try JSONDocument(bytes, depthMax: depthMax)
    return document.value(document.root)
  }
}
