import Access
import Tokens

/// `routes[].require` as written. All of its keys have to hold.
struct RequirementDraft: Sendable {
  var roles: [String]?
  var scopes: [String]?
  var permissions: [String]?
  var claims: [ClaimRequirement]?
  var owner: Decoded<OwnerDraft>?
  var contextClasses: [String]?
  var authenticationAge: Duration?
  var any: [Decoded<RequirementDraft>]?
  var all: [Decoded<RequirementDraft>]?
  /// One: a list, as a struct cannot hold itself.
  var not: [Decoded<RequirementDraft>]?

  static let keys = KeyTable<RequirementDraft>(
    "What a token must contain. All keys must hold; `any`, `all` and `not` nest, at most eight deep.",
    defaults: RequirementDraft(),
    keys: [
      Key("roles", ifWritten: \.roles, .list(of: .text("a role"), "roles"), "Any of them."),
      Key("scopes", ifWritten: \.scopes, .list(of: .text("a scope"), "scopes"), "All of them."),
      Key("permissions", ifWritten: \.permissions, .list(of: .text("a permission"), "permissions"), "All of them."),
      Key(
        "claims", ifWritten: \.claims, ValueKind.claimRequirements.notEmpty,
        """
        Claims and their values, `tenant: acme`; of a list of values, any one. Unquoted whole numbers, `true` and \
        `false` are JSON's.
        """),
      Key(
        "owner", ifWritten: \.owner, .mapping(OwnerDraft.keys),
        "What the path names must be the sender's own: `{ path: id, claim: sub }`."),
      Key(
        "any", ifWritten: \.any, .list(of: .innerRequirement, "requirements"),
        "One of these holds: each is a mapping with these same keys."),
      Key("all", ifWritten: \.all, .list(of: .innerRequirement, "requirements"), "All of these hold."),
      Key(
        "not", ifWritten: \.not, ValueKind.innerRequirement.map { [$0] },
        "This does not hold: a mapping with these same keys."),
      Key(
        "acr", ifWritten: \.contextClasses, .oneOrMore(of: .contextClass, "authentication context classes"),
        """
        How the user was authenticated: the claim `acr` is one of these (RFC 9470). At most 32 different ones in a \
        requirement and everything nested in it.
        """),
      Key(
        "max_age", ifWritten: \.authenticationAge, .wholeSeconds(.seconds(1) ... .seconds(366 * 86_400)),
        """
        How long ago the user may have authenticated, by the claim `auth_time`; without that claim the request is \
        refused (RFC 9470). The provider's `leeway` is added.
        """),
    ])

  /// Mappings that stand in each other, the outermost included.
  static let depthMax = 8
}

/// `require.owner` as written.
struct OwnerDraft: Sendable {
  var path: Located<String>?
  var claim: ClaimPath?
  var provider: Located<String>?

  static let keys = KeyTable<OwnerDraft>(
    """
    The owner: the segment that `{name}` of the route's `path` matches must equal the claim, byte for byte once its \
    escapes are decoded; an integer claim in decimal digits.
    """,
    defaults: OwnerDraft(),
    keys: [
      Key(
        "path", ifWritten: \.path, ValueKind.text("a name").located, presence: .required,
        "The name in `{name}` of the route's `path`."),
      Key(
        "claim", ifWritten: \.claim, .claimPath, presence: .required,
        "The claim: `sub`. A dot leads into an object, `\\.` is a dot in the name."),
      Key(
        "provider", ifWritten: \.provider, ValueKind.text("a provider").located,
        "The provider whose tokens have the claim: those of another do not satisfy it. Required if the route names several."
      ),
    ])
}

extension ValueKind where Value == Decoded<RequirementDraft> {
  /// `require` itself.
  static var requirement: ValueKind {
    let mapping = ValueKind.mapping(RequirementDraft.keys).notEmpty
    return ValueKind(noun: mapping.noun, reference: mapping.reference, sections: mapping.sections) { node, decoding in
      if let inner = node.tooDeep(RequirementDraft.depthMax) {
        decoding.report(
          inner.position, "nested deeper than \(RequirementDraft.depthMax) mappings; use fewer levels")
        return nil
      }
      return mapping.decode(node, &decoding)
    }
  }

  /// One inside `any`, `all` or `not`, with the keys of `require`: they are looked up when a file is read, as their
  /// table cannot hold itself.
  fileprivate static var innerRequirement: ValueKind {
    ValueKind(noun: "a mapping", reference: "as `require`") { node, decoding in
      ValueKind.mapping(RequirementDraft.keys).notEmpty.decode(node, &decoding)
    }
  }
}

extension Node {
  /// The first requirement inside this one that stands deeper than `depth` of them.
  fileprivate func tooDeep(_ depth: Int) -> Node? {
    if depth == 0 { return self }
    guard case .mapping(let entries) = content else { return nil }
    for entry in entries where ["any", "all", "not"].contains(entry.key) {
      var inner = [entry.value]
      if case .sequence(let elements) = entry.value.content { inner = elements }
      for node in inner {
        if case .mapping = node.content, let found = node.tooDeep(depth - 1) { return found }
      }
    }
    return nil
  }
}

extension ValueKind where Value == String {
  /// One that `acr_values` can name between spaces and quotes (RFC 9470 §3).
  static var contextClass: ValueKind {
    .scalar(noun: "an authentication context class", reference: "text", text: \.self) { scalar throws(ValueFault) in
      let isSound = scalar.text.utf8.allSatisfy {
        $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
      }
      guard isSound, !scalar.text.isEmpty else {
        throw ValueFault("is not an authentication context class; one has no spaces, quotes or backslashes")
      }
      return scalar.text
    }
  }
}

/// An entry of `require.claims`: the claim has to hold one of the values.
struct ClaimRequirement: Sendable {
  let path: ClaimPath
  let values: [ClaimScalar]
}

extension ValueKind where Value == [ClaimRequirement] {
  fileprivate static var claimRequirements: ValueKind {
    let values = ValueKind<[ClaimScalar]>.oneOrMore(of: .claimScalar, "values")
    return ValueKind(noun: "a mapping from claims to values", reference: "mapping: claim to value or list of values") {
      node, decoding in
      guard let entries = node.entries(expected: "a mapping from claims to values", &decoding) else { return nil }
      return entries.compactMap { entry in
        let values = values.decode(entry.value, &decoding)
        do throws(ValueFault) {
          let path = try ValueKind<ClaimPath>.parseClaimPath(entry.key)
          return values.map { ClaimRequirement(path: path, values: $0) }
        } catch {
          decoding.report(entry.keyPosition, "\"\(entry.key)\" \(error.predicate)")
          return nil
        }
      }
    }
  }
}

extension ValueKind where Value == ClaimScalar {
  /// Quotes decide, as they do in the token: `3` is a number, `"3"` is a text.
  static var claimScalar: ValueKind {
    .scalar(noun: "a value", reference: "text, number, `true` or `false`") { scalar throws(ValueFault) in
      guard scalar.style == .plain else { return .string(scalar.text) }
      switch scalar.text {
      case "true": return .boolean(true)
      case "false": return .boolean(false)
      case "null", "Null", "NULL", "~":
        throw ValueFault("is not a value that a claim can have; put the string in quotes, or write a value")
      default: break
      }
      let digits = scalar.text.hasPrefix("-") ? scalar.text.dropFirst() : Substring(scalar.text)
      if WholeNumber.parse(digits) != nil, let number = Int64(scalar.text) { return .integer(number) }
      guard !isNumber(scalar.text) else {
        throw ValueFault("is not a 64-bit integer; for a string put it in quotes")
      }
      return .string(scalar.text)
    }
  }

  /// Whether it is written as a number, but for digits after a zero: those are a text that nobody calculates with.
  private static func isNumber(_ text: String) -> Bool {
    guard text.utf8.allSatisfy({ byte in "0123456789+-.eE".utf8.contains(byte) }), Double(text) != nil else {
      return false
    }
    return !(text.hasPrefix("0") && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
  }
}
