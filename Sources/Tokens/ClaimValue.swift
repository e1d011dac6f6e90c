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
    case .object(let object):
      self = .object(object.members.map { ClaimMember(name: $0.name, value: ClaimValue($0.value)) })
    }
  }
}

/// A member of an object in a claim.
public struct ClaimMember: Sendable, Equatable {
  /// The name, with the escapes of JSON resolved.
  public let name: String
  /// The value, which may be a list or an object itself.
  public let value: ClaimValue

  /// - Parameter name: Different from the names of the object's other members: an object that repeats one becomes null.
  public init(name: String, value: ClaimValue) {
    self.name = name
    self.value = value
  }
}
