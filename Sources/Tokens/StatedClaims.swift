public import JSON

/// A claim would stand inside of one that is no object, or too deep.
public struct ClaimConflict: Error, Equatable {
  /// The name of the claim.
  public let name: String
}

/// Claims as somebody states them, by what they mean: no token holds them.
public struct StatedClaims: Sendable, Equatable {
  /// Who the claims are about; nil: they do not say.
  public var subject: String?
  /// Empty: the claims do not mention roles.
  public var roles: [String] = []
  /// Empty: the claims do not mention scopes.
  public var scopes: [String] = []
  /// Empty: the claims do not mention permissions.
  public var permissions: [String] = []
  /// Further claims, set after those above and in this order: the last one at a path counts.
  public var others: [(path: ClaimPath, value: ClaimValue)] = []

  /// No claims.
  public init() {}

  /// Whether both state the same, `others` in the same order.
  public static func == (left: StatedClaims, right: StatedClaims) -> Bool {
    left.subject == right.subject && left.roles == right.roles && left.scopes == right.scopes
      && left.permissions == right.permissions && left.others.elementsEqual(right.others, by: ==)
  }

  /// A claims set with the names that the mapping gives them.
  func value(_ mapping: ClaimMapping) throws(ClaimConflict) -> JSONValue {
    var claims = JSONValue.object([:])
    if let subject { try claims.set(mapping.subject, .string(subject)) }
    for (path, words) in [(mapping.roles, roles), (mapping.scopes, scopes), (mapping.permissions, permissions)]
    where !words.isEmpty {
      try claims.set(path, .array(words.map { .string($0) }))
    }
    for (path, value) in others { try claims.set(path, JSONValue(value)) }
    return claims
  }
}

extension JSONValue {
  /// Sets what stands at `path`, and makes the objects that lead there.
  public mutating func set(_ path: ClaimPath, _ value: JSONValue) throws(ClaimConflict) {
    self = try JSONValue.setting(self, path.names[...], value)
  }

  private static func setting(
    _ target: JSONValue?, _ names: ArraySlice<String>, _ value: JSONValue
  ) throws(ClaimConflict) -> JSONValue {
    guard let name = names.first else { return value }
    let object: JSONObject
    switch target {
    case nil: object = [:]
    case .object(let found): object = found
    default: throw ClaimConflict(name: name)
    }
    let inner = try setting(object[name], names.dropFirst(), value)
    var members = object.members.filter { !$0.name.isSameBytes(as: name) }
    members.append(JSONObject.Member(name: name, value: inner))
    return JSONObject(members).map { .object($0) } ?? .null
  }

  /// The same value as JSON; an object in which a name is repeated becomes null.
  public init(_ value: ClaimValue) {
    switch value {
    case .null: self = .null
    case .boolean(let truth): self = .bool(truth)
    case .integer(let integer): self = .integer(integer)
    case .number(let number): self = .number(number)
    case .string(let string): self = .string(string)
    case .list(let items): self = .array(items.map { JSONValue($0) })
    case .object(let members):
      let members = members.map { JSONObject.Member(name: $0.name, value: JSONValue($0.value)) }
      self = JSONObject(members).map { .object($0) } ?? .null
    }
  }
}

extension ClaimValue {
  /// A claim's value as a command line has it: JSON where it reads as JSON, else a string.
  public init(written text: String) {
    self = (try? JSON.parse([UInt8](text.utf8).span)).map { ClaimValue($0) } ?? .string(text)
  }
}
