extension ValueKind where Value == [String] {
  /// Names of protocols, in lower case; none of them with `none`.
  static var upgrades: ValueKind {
    let list = ValueKind<[String]>.list(of: .upgradeProtocol, "protocols").keepingApart("none")
    return ValueKind(
      noun: "protocols or none", reference: "list of protocols, or `none`",
      text: { $0.isEmpty ? "none" : list.text($0) },
      effectiveDefault: { $0.isEmpty ? .text("none") : list.effectiveDefault($0) },
      decode: { node, decoding in
        if case .scalar(let scalar) = node.content, scalar.text == "none" { return [] }
        return list.decode(node, &decoding)
      })
  }
}

extension ValueKind where Value == String {
  /// A protocol's name, with its version where it has one (RFC 9110 §7.8).
  fileprivate static var upgradeProtocol: ValueKind {
    .scalar(noun: "a protocol", reference: "text", text: \.self) { scalar throws(ValueFault) in
      let name = scalar.text.lowercased()
      // HTTP/2 in a tunnel would carry requests past every rule (SECURITY U-5).
      if name == "h2c" || name == "h2" || name.hasPrefix("http/") || name.hasPrefix("tls/") {
        throw ValueFault("would carry requests past the rules; it cannot be allowed")
      }
      let parts = name.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count <= 2, parts.allSatisfy({ FieldToken.isValid(String($0)) }) else {
        throw ValueFault("is not a protocol; write websocket, or a name with its version such as spdy/3.1")
      }
      return name
    }
  }
}
