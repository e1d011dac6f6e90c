import HTTP

/// Which names a header of `identity` may have.
enum IdentityHeaderName {
  static func fault(_ name: String, beside others: [String]) -> ValueFault? {
    guard FieldToken.isValid(name) else { return ValueFault("is not a header name (RFC 9110 §5.1)") }
    let folded = fold(name)
    guard !reserved.contains(folded), !folded.hasPrefix("sec-websocket-") else {
      return ValueFault("means something else to servers; choose another")
    }
    if let twin = others.first(where: { fold($0) == folded }) {
      return ValueFault("is the same header as \"\(twin)\" to many applications; rename one of them")
    }
    return nil
  }

  /// Case and punctuation are no difference (SECURITY I-2).
  static func fold(_ name: String) -> String {
    String(name.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "-" })
  }

  /// Framing, routing and credentials: a claim in their place would change the meaning of the request, its method or its
  /// target (SECURITY P-16).
  static let reserved: Set<String> = RequestHeaderName.reserved.union(
    (ReservedFields.path + ReservedFields.method + ReservedFields.connection + ReservedFields.hop
      + ReservedFields.framing).map(fold))
}
