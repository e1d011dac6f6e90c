internal import JSON

/// The value of a claim: JSON's values, for those who do not know JSON.
public enum ClaimValue: Sendable, Equatable {
  case null
  case boolean(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case list([ClaimValue])
  case object([ClaimMember])

  init(_ value: JSONValue) {
    switch value {
    case .null: self = .null
    case .bool(let truth): self = .boolean(truth)
    case .integer(let integer): self = .integer(integer)
    case .number(let number): self = .number(number)
    case .string(let string): self = .string(string)
    case .array(let elements): self = .list(elements.map { ClaimValue($0) })
    case .object(let object): self = .object(object.claimMembers)
    }
  }

  /// The whole words that it holds: a string's, which single spaces part (RFC 6749 §3.3), or a list's strings, each as
  /// it is. Anything else holds none, and so does a list with anything else in it.
  var words: [String] {
    switch self {
    case .string(let text):
      var words: [String] = []
      var start = text.utf8.startIndex
      for index in text.utf8.indices where text.utf8[index] == UInt8(ascii: " ") {
        if start < index { words.append(String(text[start..<index])) }
        start = text.utf8.index(after: index)
      }
      if start < text.utf8.endIndex { words.append(String(text[start...])) }
      return words
    case .list(let items):
      var words: [String] = []
      words.reserveCapacity(items.count)
      for item in items {
        guard case .string(let word) = item else { return [] }
        words.append(word)
      }
      return words
    default:
      return []
    }
  }

  /// A name for one who has to be called something: a string, or an integer, as some issuers number their users.
  var name: String? {
    switch self {
    case .string(let text): text
    case .integer(let number): "\(number)"
    default: nil
    }
  }
}

/// A member of an object in a claim.
public struct ClaimMember: Sendable, Equatable {
  public let name: String
  public let value: ClaimValue
}

extension JSONObject {
  var claimMembers: [ClaimMember] { members.map { ClaimMember(name: $0.name, value: ClaimValue($0.value)) } }
}

extension [ClaimMember] {
  /// The value at `path`; nil where there is none.
  func value(at path: ClaimPath) -> ClaimValue? {
    var members = self
    var found: ClaimValue?
    for name in path.names {
      if let found {
        guard case .object(let inner) = found else { return nil }
        members = inner
      }
      guard let place = members.firstIndex(where: { $0.name.isSameBytes(as: name) }) else { return nil }
      found = members[place].value
    }
    return found
  }
}
