import Tokens

/// The fields of a form (WHATWG URL Standard §5.1), or of a query: each name once.
struct FormFields {
  private var fields: [(name: String, value: [UInt8])] = []

  /// Why a form is not taken.
  enum Fault: Error, Equatable {
    /// A name that stands there more than once.
    case repeated(String)
    case malformed
  }

  /// nil where a name stands twice, an escape is malformed, or a name is no UTF-8: what another reader would make of it
  /// is anyone's guess.
  init?(_ bytes: [UInt8]) {
    do throws(Fault) { try self.init(checking: bytes) } catch { return nil }
  }

  /// As above, and says which it was.
  init(checking bytes: [UInt8]) throws(Fault) {
    guard !bytes.isEmpty else { return }
    for pair in bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
      let equals = pair.firstIndex(of: UInt8(ascii: "="))
      guard let name = FormFields.decode(pair[..<(equals ?? pair.endIndex)]), !name.isEmpty,
        let text = String(validating: name, as: UTF8.self),
        let value = FormFields.decode(equals.map { pair[($0 + 1)...] } ?? [])
      else { throw .malformed }
      guard self[text] == nil else { throw .repeated(text) }
      guard fields.count < 32 else { throw .malformed }
      fields.append((text, value))
    }
  }

  /// What stands in the query of a target, with its `?`.
  init?(query: String) { self.init([UInt8](query.utf8.dropFirst())) }

  /// The fields of a query with these names alone, each once: what else stands there is nobody's business here, and
  /// providers add to it as they like (RFC 6749 §4.1.2: unrecognized parameters are ignored).
  init?(query: String, only names: [String]) {
    for pair in query.utf8.dropFirst().split(separator: UInt8(ascii: "&")) {
      let pair = [UInt8](pair)[...]
      let equals = pair.firstIndex(of: UInt8(ascii: "="))
      guard let bytes = FormFields.decode(pair[..<(equals ?? pair.endIndex)]),
        let name = String(validating: bytes, as: UTF8.self), names.containsSameBytes(as: name)
      else { continue }
      guard self[name] == nil, let value = FormFields.decode(equals.map { pair[($0 + 1)...] } ?? []) else { return nil }
      fields.append((name, value))
    }
  }

  subscript(_ name: String) -> [UInt8]? { fields.first { $0.name == name }?.value }

  /// The value, where it is UTF-8.
  func text(_ name: String) -> String? { self[name].flatMap { String(validating: $0, as: UTF8.self) } }

  /// Those that have a value: of a token request the others are as if they were left out (RFC 6749 §3.2).
  var withoutEmpty: FormFields {
    var form = self
    form.fields.removeAll { $0.value.isEmpty }
    return form
  }

  /// nil where an escape is malformed.
  static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      switch bytes[index] {
      case UInt8(ascii: "+"): output.append(0x20)
      case UInt8(ascii: "%"):
        guard index + 2 < bytes.endIndex, let high = ReturnTo.digit(bytes[index + 1]),
          let low = ReturnTo.digit(bytes[index + 2])
        else { return nil }
        output.append(high << 4 | low)
        index += 2
      default: output.append(bytes[index])
      }
      index += 1
    }
    return output
  }
}
