import Access
import Tokens

/// `routes[].require` as written. All of its keys have to hold.
struct RequirementDraft: Sendable {
  var roles: [String]?
  var scopes: [String]?
  var permissions: [String]?
  var claims: [ClaimRequirement]?

  static let keys = KeyTable<RequirementDraft>(
    "What a token has to say. All keys have to hold.", defaults: RequirementDraft(),
    unsupported: NotSupportedYet.requirementKeys,
    keys: [
      Key("roles", ifWritten: \.roles, .list(of: .text("a role"), "roles"), "Any of them."),
      Key("scopes", ifWritten: \.scopes, .list(of: .text("a scope"), "scopes"), "All of them."),
      Key("permissions", ifWritten: \.permissions, .list(of: .text("a permission"), "permissions"), "All of them."),
      Key(
        "claims", ifWritten: \.claims, ValueKind.claimRequirements.notEmpty,
        """
        Claims and their values, `tenant: acme`; of a list of values any. Unquoted whole numbers, `true` and `false` \
        are JSON's.
        """),
    ])
}

/// An entry of `require.claims`: the claim has to hold one of the values.
struct ClaimRequirement: Sendable {
  let path: ClaimPath
  let values: [ClaimScalar]
}

extension ValueKind where Value == [ClaimRequirement] {
  static var claimRequirements: ValueKind {
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
        throw ValueFault("is nothing that a claim can be asked to hold; put the text in quotes, or name a value")
      default: break
      }
      let digits = scalar.text.hasPrefix("-") ? scalar.text.dropFirst() : Substring(scalar.text)
      if WholeNumber.parse(digits) != nil, let number = Int64(scalar.text) { return .integer(number) }
      guard !isNumber(scalar.text) else {
        throw ValueFault("is no whole number of 64 bits; for the text put it in quotes")
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
