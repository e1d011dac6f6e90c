import Access

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

extension ValueKind where Value == RouteDraft.PathChoice {
  static var pathChoice: ValueKind { .choice([("refuse", .refuse), ("keep", .keep)]) }
}

extension ValueKind where Value == Written<HostPattern> {
  static var hostPattern: ValueKind {
    .scalar(noun: "a host", reference: "host") { scalar throws(ValueFault) in
      do throws(PatternError) {
        return Written(text: scalar.text, pattern: try HostPattern(scalar.text))
      } catch {
        throw ValueFault("is not a host: \(error.message)")
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
        throw ValueFault("is not a path pattern: \(error.message)")
      }
    }
  }
}

extension ValueKind where Value == String {
  /// Methods are case-sensitive (RFC 9110 §9.1): `get` is another one than GET, and never what was meant.
  static var method: ValueKind {
    .scalar(noun: "a method", reference: "method", text: \.self) { scalar throws(ValueFault) in
      guard FieldToken.isValid(scalar.text) else { throw ValueFault("is not a method (RFC 9110 §9.1)") }
      let upper = scalar.text.uppercased()
      guard !["*", "ANY", "ALL"].contains(upper) else {
        throw ValueFault("is not a method that clients send; for all methods leave \"methods\" out")
      }
      guard scalar.text == upper else { throw ValueFault("is not a method; did you mean \"\(upper)\"?") }
      // RFC 9110 §9.3.6, §9.3.8: a gateway in front of applications serves neither.
      guard upper != "CONNECT", upper != "TRACE" else { throw ValueFault("is always refused") }
      return scalar.text
    }
  }
}

extension ValueKind where Value == AuthenticationDraft {
  static var authentication: ValueKind {
    let names = ValueKind<[Located<String>]>.oneOrMore(of: ValueKind<String>.text("a provider").located, "providers")
      .keepingApart("none")
    return ValueKind(noun: "a provider, a list of them, or none", reference: "provider, list of providers, or `none`") {
      node, decoding in
      if case .scalar(let scalar) = node.content, scalar.text == "none" {
        return decoding.isAsWritten("none", scalar, node, "open to everyone") ? AuthenticationDraft.none : nil
      }
      return names.decode(node, &decoding).map { .providers($0) }
    }
  }
}
