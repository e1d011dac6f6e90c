import Access
import Tokens

/// A pattern and how it was written, which is part of a route's default name.
struct Written<Pattern: Sendable>: Sendable {
  let text: String
  let pattern: Pattern
}

/// `auth` as written.
enum AuthenticationDraft: Sendable {
  case none
  case providers([Located<String>])
}

/// `identity` as written.
struct IdentityDraft: Sendable {
  enum Defaults: Sendable { case kept, leftOut }

  var defaults = Defaults.kept
  var headers: [(name: String, claim: ClaimPath)] = []
}

/// An entry of `require.claims`: the claim has to hold one of the values.
struct ClaimRequirement: Sendable {
  let path: ClaimPath
  let values: [ClaimScalar]
}

extension ValueKind where Value == RouteDraft.PathChoice {
  static var pathChoice: ValueKind { .choice([("refuse", .refuse), ("keep", .keep)]) }
}

extension ValueKind where Value == Written<HostPattern> {
  static var hostPattern: ValueKind {
    .scalar(noun: "a host", reference: "host") { scalar throws(ValueFault) in
      do throws(PatternError) {
        return Written(text: scalar.text, pattern: try HostPattern(scalar.text))
      } catch {
        throw ValueFault("is no host: \(error.message)")
      }
    }
  }
}

extension ValueKind where Value == Written<PathPattern> {
  static var pathPattern: ValueKind {
    .scalar(noun: "a path", reference: "path pattern") { scalar throws(ValueFault) in
      do throws(PatternError) {
        return Written(text: scalar.text, pattern: try PathPattern(scalar.text))
      } catch {
        throw ValueFault("is no path pattern: \(error.message)")
      }
    }
  }
}

extension ValueKind where Value == String {
  /// Methods are case-sensitive (RFC 9110 §9.1): `get` is another one than GET, and never what was meant.
  static var method: ValueKind {
    .scalar(noun: "a method", reference: "method", text: \.self) { scalar throws(ValueFault) in
      guard FieldToken.isValid(scalar.text) else { throw ValueFault("is no method (RFC 9110 §9.1)") }
      let upper = scalar.text.uppercased()
      guard scalar.text == upper else { throw ValueFault("is no method; did you mean \"\(upper)\"?") }
      // RFC 9110 §9.3.6, §9.3.8: a gateway in front of applications serves neither.
      guard upper != "CONNECT", upper != "TRACE" else { throw ValueFault("is always refused") }
      return scalar.text
    }
  }
}

extension ValueKind where Value == AuthenticationDraft {
  static var authentication: ValueKind {
    let names = ValueKind<[Located<String>]>.oneOrMore(of: ValueKind<String>.text("a provider").located, "providers")
    return ValueKind(noun: "a provider, a list of them, or none", reference: "provider, list of providers, or `none`") {
      node, decoding in
      if case .scalar(let scalar) = node.content, scalar.text == "none" { return AuthenticationDraft.none }
      return names.decode(node, &decoding).map { .providers($0) }
    }
  }
}

extension ValueKind where Value == IdentityDraft {
  static var identity: ValueKind {
    ValueKind(noun: "a mapping from headers to claims", reference: "mapping: header to claim") { node, decoding in
      guard let entries = node.entries(expected: "a mapping from headers to claims", &decoding) else { return nil }
      var draft = IdentityDraft()
      for entry in entries {
        if entry.key == "defaults" {
          let isKept = ValueKind<Bool>.boolean.decode(entry.value, &decoding)
          draft.defaults = isKept == false ? .leftOut : .kept
        } else if let claim = ValueKind<ClaimPath>.claimPath.decode(entry.value, &decoding) {
          if let fault = IdentityHeaderName.fault(entry.key, beside: draft.headers.map(\.name)) {
            decoding.report(entry.keyPosition, "\"\(entry.key)\" \(fault.predicate)")
          }
          draft.headers.append((entry.key, claim))
        }
      }
      return draft
    }
  }
}

/// Which names a header of `identity` may have.
enum IdentityHeaderName {
  static func fault(_ name: String, beside others: [String]) -> ValueFault? {
    guard FieldToken.isValid(name) else { return ValueFault("is no header name (RFC 9110 §5.1)") }
    let folded = fold(name)
    guard !reserved.contains(folded) else { return ValueFault("is a header of HTTP itself; name another") }
    if let twin = others.first(where: { fold($0) == folded }) {
      return ValueFault("is the same header as \"\(twin)\" to many applications; name one of them otherwise")
    }
    return nil
  }

  /// Case and punctuation are no difference (SECURITY.md I-2).
  private static func fold(_ name: String) -> String {
    String(name.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "-" })
  }

  /// Framing, routing and credentials: a claim in their place would change the meaning of the request.
  private static let reserved: Set<String> = [
    "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "date", "expect",
    "forwarded", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
    "x-forwarded-prefix", "x-forwarded-proto", "x-forwarded-uri", "x-real-ip", "x-request-id",
  ]
}

extension ValueKind where Value == [ClaimRequirement] {
  static var claimRequirements: ValueKind {
    let values = ValueKind<[ClaimScalar]>.oneOrMore(of: .claimScalar, "values")
    return ValueKind(noun: "a mapping from claims to values", reference: "mapping: claim to value or list of values") {
      node, decoding in
      guard let entries = node.entries(expected: "a mapping from claims to values", &decoding) else { return nil }
      return entries.compactMap { entry in
        let values = values.decode(entry.value, &decoding)
        guard let path = try? ClaimPath(entry.key) else {
          decoding.report(entry.keyPosition, "\"\(entry.key)\" is no claim; write a name, or names with dots between")
          return nil
        }
        return values.map { ClaimRequirement(path: path, values: $0) }
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
