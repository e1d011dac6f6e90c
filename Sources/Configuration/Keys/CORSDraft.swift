/// `routes[].cors` as written.
struct CORSDraft: Sendable {
  var origins: Located<[String]>?
  var methods: [String]?
  var headers = ["Authorization", "Content-Type"]
  var credentials = false
  var maxAge: Duration?

  static let keys = KeyTable<CORSDraft>(
    """
    Pages from other origins that may use the route. The gateway answers preflights itself, without a token, for a \
    path and a method that the route matches; the upstream's own CORS headers are replaced.
    """,
    defaults: CORSDraft(),
    keys: [
      Key(
        "origins", ifWritten: \.origins, ValueKind.list(of: .origin, "origins").located, presence: .required,
        "`https://app.example.com`, as in the browser's address bar; or `\"*\"` alone, without `credentials`."),
      Key(
        "methods", ifWritten: \.methods, .list(of: .method, "methods"),
        "If omitted, the route's `methods`; where it has none, GET, HEAD, POST, PUT, PATCH and DELETE."),
      Key("headers", \.headers, .list(of: .corsHeader, "headers"), "Request headers that a page may set."),
      Key("credentials", \.credentials, .boolean, "Whether cookies are sent along."),
      Key(
        "max_age", ifWritten: \.maxAge, .wholeSeconds(.seconds(1) ... .seconds(86_400)),
        "How long a browser may cache a preflight's response; if omitted, the browser decides, a few seconds."),
    ])

  /// What a page may use where neither the route nor `cors` says it.
  static let usualMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
}

extension ValueKind where Value == String {
  /// An origin as browsers serialize it (RFC 6454 §6.2), or `*`.
  fileprivate static var origin: ValueKind {
    .scalar(noun: "an origin", reference: "origin, or `*`", text: \.self) { scalar throws(ValueFault) in
      if scalar.text == "*" { return scalar.text }
      guard let address = WebAddress(scalar.text) else {
        throw ValueFault("is not an origin; write a scheme and a host: https://app.example.com")
      }
      guard address.path.isEmpty else {
        throw ValueFault("has more than scheme, host and port, which are all that a browser sends as Origin")
      }
      guard scalar.text == scalar.text.lowercased() else {
        throw ValueFault("is not how browsers write it; did you mean \"\(scalar.text.lowercased())\"?")
      }
      guard !scalar.text.hasSuffix(address.scheme == .https ? ":443" : ":80") else {
        throw ValueFault("has its scheme's default port, which browsers leave out")
      }
      return scalar.text
    }
  }

  fileprivate static var corsHeader: ValueKind {
    .scalar(noun: "a header", reference: "header", text: \.self) { scalar throws(ValueFault) in
      guard FieldToken.isValid(scalar.text) else { throw ValueFault("is not a header name (RFC 9110 §5.1)") }
      guard scalar.text != "*" else {
        throw ValueFault("does not stand for all headers, and never for Authorization; list those that a page sets")
      }
      return scalar.text
    }
  }
}
