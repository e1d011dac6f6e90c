/// A JSON value (RFC 8259 §3).
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number written without fraction and exponent that an `Int64` holds, exactly.
  case integer(Int64)
  /// Any other number; always finite.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// The object, where it is one.
  public var object: JSONObject? {
    guard case .object(let object) = self else { return nil }
    return object
  }

  /// The string, where it is one.
  public var string: String? {
    guard case .string(let string) = self else { return nil }
    return string
  }

  /// The elements, where it is an array.
  public var array: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }
}

/// A JSON object: members in the order of the text, each name once.
public struct JSONObject: Sendable, Equatable {
  /// A name and its value.
  public struct Member: Sendable, Equatable {
    /// The name, with escapes resolved; it may be empty.
    public let name: String
    /// The value, which may be an array or an object itself.
    public let value: JSONValue

    /// - Parameter name: Not escaped: that is done where the value is serialized.
    public init(name: String, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// In the order of the text; no two names are the same byte for byte.
  public let members: [Member]

  /// nil where a name stands twice.
  public init?(_ members: [Member]) {
    guard !JSONObject.hasRepeatedName(members) else { return nil }
    self.members = members
  }

  /// Members that were found to have different names.
  init(distinct members: [Member]) { self.members = members }

  /// The member of that name, compared byte for byte: Swift's `==` would take canonically equivalent names for one
  /// (RFC 8259 §8.3).
  public subscript(_ name: String) -> JSONValue? {
    for index in members.indices where JSONObject.areSame(members[index].name, name) { return members[index].value }
    return nil
  }

  private static func areSame(_ left: String, _ right: String) -> Bool {
    // Counts are at hand, and most names that differ differ in them.
    guard left.utf8.count == right.utf8.count else { return false }
    let (left, right) = (left.utf8Span.span, right.utf8Span.span)
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  private static func hasRepeatedName(_ members: [Member]) -> Bool {
    // Few names: comparing all is cheaper than hashing them.
    if members.count <= 12 {
      for index in members.indices.dropFirst() {
        for earlier in 0..<index where areSame(members[earlier].name, members[index].name) { return true }
      }
      return false
    }
    var seen = Set<[UInt8]>(minimumCapacity: members.count)
    return members.contains { !seen.insert(Array($0.name.utf8)).inserted }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// The last of equal names is kept; a literal has no other way to refuse them.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    var members: [Member] = []
    for (name, value) in elements {
      members.removeAll { $0.name.utf8.elementsEqual(name.utf8) }
      members.append(Member(name: name, value: value))
    }
    self.members = members
  }
}
