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
        "claims", ifWritten: \.claims, .claimRequirements,
        """
        Claims and their values, `tenant: acme`; of a list of values any. Unquoted numbers, `true` and `false` are \
        JSON's.
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
      default: break
      }
      let digits = scalar.text.hasPrefix("-") ? scalar.text.dropFirst() : Substring(scalar.text)
      guard WholeNumber.parse(digits) != nil, let number = Int64(scalar.text) else { return .string(scalar.text) }
      return .integer(number)
    }
  }
}
