import Reason
import Tokens

/// `tests[]` as written.
struct PolicyTestDraft: Sendable {
  var name: String?
  var request: EvaluatedRequest?
  var identity: Decoded<SupposedIdentityDraft>?
  var expectation: PolicyTest.Expectation?
  var route: Located<String>?
  var upstream: Located<String>?
  var shadow: Located<Reason>?

  static let keys = KeyTable<PolicyTestDraft>(
    """
    Requests and what the routes must decide, by the same functions as for real requests: [access](access.md#tests). \
    `portcullis check` reports all that fail.
    """,
    defaults: PolicyTestDraft(),
    keys: [
      Key("name", ifWritten: \.name, .text("a name"), "Its name in the report of a failure; if omitted, its request."),
      Key(
        "request", ifWritten: \.request, .evaluatedRequest, presence: .required,
        "A method and a path, `GET /orders/7`, or with a host: `GET api.example.com/orders/7`."),
      Key(
        "as", ifWritten: \.identity, .mapping(SupposedIdentityDraft.keys),
        "Who sends it; if omitted, someone without a token."),
      Key(
        "expect", ifWritten: \.expectation, .expectation, presence: .required,
        "`allowed`, a [reason](reasons.md) such as `role_missing`, or a status such as 403."),
      Key("route", ifWritten: \.route, ValueKind.text("a route's name").located, "The route that must match."),
      Key(
        "upstream", ifWritten: \.upstream, ValueKind.text("an upstream's name").located,
        "The upstream that it must go to; only with `expect: allowed`."),
      Key(
        "shadow", ifWritten: \.shadow, ValueKind.reason.located,
        """
        The reason for which what the provider or the route tries (`try`) must refuse it; only with `expect: allowed`. \
        If omitted, it may or may not.
        """),
    ])
}

/// `tests[].as` as written.
struct SupposedIdentityDraft: Sendable {
  var provider: Located<String>?
  var subject: String?
  var roles: [String] = []
  var scopes: [String] = []
  var permissions: [String] = []
  var claims: [StatedClaim] = []
  var authenticated: Duration?

  static let keys = KeyTable<SupposedIdentityDraft>(
    "The claims of the request's token, which is assumed to be valid.",
    defaults: SupposedIdentityDraft(),
    keys: [
      Key(
        "provider", ifWritten: \.provider, ValueKind.text("a provider").located,
        "Whose token it is; if omitted, the route's first provider's."),
      Key("subject", ifWritten: \.subject, .text("a subject"), "Who."),
      Key("roles", \.roles, .list(of: .text("a role"), "roles"), "As the provider's `claims.roles` would hold them."),
      Key("scopes", \.scopes, .list(of: .text("a scope"), "scopes"), "As `claims.scopes` would."),
      Key(
        "permissions", \.permissions, .list(of: .text("a permission"), "permissions"),
        "As `claims.permissions` would."),
      Key(
        "claims", \.claims, ValueKind.statedClaims.notEmpty,
        "Other claims, `tenant: acme`, `account.id: 7`. Unquoted whole numbers, `true` and `false` are JSON's."),
      Key(
        "authenticated", ifWritten: \.authenticated, .wholeSeconds(.zero ... .seconds(366 * 86_400)),
        "How long ago the user authenticated (`auth_time`); if omitted, the token does not say."),
    ])
}

/// An entry of `as.claims`.
struct StatedClaim: Sendable {
  let path: ClaimPath
  let value: ClaimValue
}

extension ValueKind where Value == [StatedClaim] {
  static var statedClaims: ValueKind {
    let noun = "a mapping from claims to values"
    return ValueKind(noun: noun, reference: "mapping: claim to value or list of values") { node, decoding in
      guard let entries = node.entries(expected: noun, &decoding) else { return nil }
      return entries.compactMap { entry in
        let value = ValueKind<ClaimValue>.claimValue.decode(entry.value, &decoding)
        do throws(ValueFault) {
          let path = try ValueKind<ClaimPath>.parseClaimPath(entry.key)
          return value.map { StatedClaim(path: path, value: $0) }
        } catch {
          decoding.report(entry.keyPosition, "\"\(entry.key)\" \(error.predicate)")
          return nil
        }
      }
    }
  }
}

extension ValueKind where Value == ClaimValue {
  fileprivate static var claimValue: ValueKind {
    let scalar = ValueKind<ClaimScalar>.claimScalar
    let list = ValueKind<[ClaimScalar]>.list(of: scalar, "values")
    return ValueKind(noun: "a value or a list of values", reference: "value, or a list") { node, decoding in
      if case .sequence = node.content { return list.decode(node, &decoding).map { .list($0.map(\.value)) } }
      return scalar.decode(node, &decoding)?.value
    }
  }
}

extension ClaimScalar {
  fileprivate var value: ClaimValue {
    switch self {
    case .string(let text): .string(text)
    case .integer(let number): .integer(number)
    case .boolean(let truth): .boolean(truth)
    }
  }
}

extension ValueKind where Value == EvaluatedRequest {
  fileprivate static var evaluatedRequest: ValueKind {
    .scalar(noun: "a request", reference: "method, space, host (optional) and path", text: \.text) {
      scalar throws(ValueFault) in
      let parts = scalar.text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, FieldToken.isValid(parts[0]), let slash = parts[1].firstIndex(of: "/") else {
        throw ValueFault("is not a request; write a method and a path: GET /orders/7")
      }
      let host = parts[1][..<slash]
      guard !host.hasSuffix(":") else { throw ValueFault("is not a request; write the host without a scheme") }
      return EvaluatedRequest(
        method: String(parts[0]), host: host.isEmpty ? EvaluatedRequest.anyHost : String(host),
        target: String(parts[1][slash...]))
    }
  }
}

extension ValueKind where Value == Reason {
  static var reason: ValueKind {
    .scalar(noun: "a reason", reference: "a reason") { scalar throws(ValueFault) in
      guard let reason = Reason(rawValue: scalar.text) else {
        throw ValueFault("is not a reason\(NearestWord.hint(scalar.text, in: Reason.allCases.map(\.rawValue)))")
      }
      return reason
    }
  }
}

extension ValueKind where Value == PolicyTest.Expectation {
  static var expectation: ValueKind {
    .scalar(noun: "an expectation", reference: "`allowed`, a reason, or a status") { scalar throws(ValueFault) in
      if scalar.text == "allowed" { return .allowed }
      if let reason = Reason(rawValue: scalar.text) { return .refused(reason) }
      if let status = WholeNumber.parse(scalar.text), (400...599).contains(status) { return .status(Int(status)) }
      throw ValueFault(
        "is neither allowed, nor a reason, nor a status from 400 to 599"
          + NearestWord.hint(scalar.text, in: ["allowed"] + Reason.allCases.map(\.rawValue)))
    }
  }
}
