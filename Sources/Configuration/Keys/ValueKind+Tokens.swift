import Tokens

extension ValueKind where Value == Audiences {
  static var audiences: ValueKind {
    let list = ValueKind<[String]>.list(of: .text("an audience"), "audiences").keepingApart("any")
    return ValueKind(noun: "a list of audiences or any", reference: "list of strings, or `any`") { node, decoding in
      if case .scalar(let scalar) = node.content, scalar.text == "any" {
        return decoding.isAsWritten("any", scalar, node, "open to tokens for others") ? .any : nil
      }
      if case .scalar(let scalar) = node.content, !scalar.isNothing {
        let advice = scalar.written == "*" ? "any" : "[\(scalar.written)]"
        decoding.report(node.position, "expected a list of audiences or any; write \(advice)")
        return nil
      }
      return list.decode(node, &decoding).map { .oneOf($0) }
    }
  }
}

extension ValueKind where Value == WebAddress {
  /// An URL that is fetched: https, or http on loopback (SECURITY K-1).
  static var fetchedURL: ValueKind {
    .scalar(noun: "a URL", reference: "URL", text: \.text) { scalar throws(ValueFault) in
      guard let address = WebAddress(scalar.text) else { throw ValueFault("is not an https URL") }
      guard address.isProtected else { throw ValueFault("has to be https; http is for loopback addresses only") }
      return address
    }
  }
}

extension ValueKind where Value == SignatureAlgorithm {
  static var algorithm: ValueKind {
    let names = SignatureAlgorithm.names.map(\.name)
    return .scalar(
      noun: "an algorithm", reference: names.map { "`\($0)`" }.joined(separator: ", "), text: \.rawValue
    ) { scalar throws(ValueFault) in
      if let algorithm = SignatureAlgorithm(name: scalar.text) { return algorithm }
      // RFC 8725 §3.1: an unsigned token is no token.
      guard scalar.text.lowercased() != "none" else { throw ValueFault("is never accepted: tokens have to be signed") }
      let hint = NearestWord.hint(scalar.text, in: names)
      throw ValueFault("is not an algorithm" + (hint.isEmpty ? "; known are " + names.joined(separator: ", ") : hint))
    }
  }
}

extension ValueKind where Value == String {
  /// A media type, whose `application/` may be left out (RFC 7515 §4.1.9).
  static var mediaType: ValueKind {
    .scalar(noun: "a type", reference: "media type", text: \.self) { scalar throws(ValueFault) in
      let parts = scalar.text.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count <= 2, parts.allSatisfy({ FieldToken.isValid($0) }) else {
        throw ValueFault("is not a media type; write a type such as at+jwt")
      }
      return scalar.text
    }
  }
}

extension ValueKind where Value == ClaimPath {
  static var claimPath: ValueKind {
    .scalar(noun: "a claim", reference: "claim", text: \.description) { scalar throws(ValueFault) in
      try parseClaimPath(scalar.text)
    }
  }

  static func parseClaimPath(_ text: String) throws(ValueFault) -> ClaimPath {
    do {
      return try ClaimPath(text)
    } catch {
      throw ValueFault("is not a claim; write a name, or names joined by dots")
    }
  }
}

extension ValueKind where Value == CredentialSource {
  static var credentialSource: ValueKind {
    .scalar(
      noun: "authorization, websocket_protocol, cookie or cookie:NAME",
      reference: "`authorization`, `websocket_protocol`, `cookie` or `cookie:NAME`",
      text: \.written
    ) { scalar throws(ValueFault) in
      if scalar.text == "authorization" { return .authorization }
      if scalar.text == "websocket_protocol" { return .webSocketProtocol }
      if scalar.text == "cookie" { return .signInCookie }
      guard scalar.text.hasPrefix("cookie:") else {
        throw ValueFault(
          "is not one of authorization, websocket_protocol, cookie and cookie:NAME"
            + NearestWord.hint(scalar.text, in: ["authorization", "websocket_protocol", "cookie"]))
      }
      let name = scalar.text.dropFirst(7)
      guard FieldToken.isValid(name) else { throw ValueFault("does not name a cookie (RFC 6265 §4.1.1)") }
      return .cookie(String(name))
    }
  }
}

extension CredentialSource {
  /// As `token_from` names it.
  fileprivate var written: String {
    switch self {
    case .authorization: "authorization"
    case .webSocketProtocol: "websocket_protocol"
    case .cookie(let name), .session(let name): "cookie:\(name)"
    case .signInCookie: "cookie"
    }
  }
}
