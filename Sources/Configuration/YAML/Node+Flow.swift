internal import HTTP

/// Values as a file could have them in brackets, for messages that say what to write.
extension Node {
  /// On one line, and not longer than a message can hold.
  var asFlow: String {
    let text =
      switch content {
      case .scalar(let scalar): scalar.asFlow
      case .sequence(let elements): "[\(elements.map(\.asFlow).joined(separator: ", "))]"
      case .mapping(let entries): "{ \(entries.map { "\($0.key): \($0.value.asFlow)" }.joined(separator: ", ")) }"
      case .faulty: "…"
      }
    return text.count > 80 ? "…" : text
  }
}

extension Scalar {
  /// The list that was probably meant: `admin, clerk` without brackets are two words.
  var asList: String {
    guard style == .plain else { return "[\(asFlow)]" }
    let words = written.split(separator: ",").map { word in
      Scalar.inFlow(String(word.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
    }
    return "[\(words.joined(separator: ", "))]"
  }

  /// Quotes decide what a word means, and are kept.
  fileprivate var asFlow: String { style == .quoted ? Scalar.quoted(written) : Scalar.inFlow(written) }

  /// In quotes where something in it could mean something else in brackets.
  private static func inFlow(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "_./-".utf8.contains(byte)
        }
      }
    return isPlain ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    let shown = ShownURL(text).description
    return shown.contains("\"") || shown.contains("\\") ? YAMLScalar.written(shown) : "\"\(shown)\""
  }
}
