import Crypto
import Tokens

extension ValueKind where Value == String {
  private static var bytesMax: Int { 128 }

  /// What stands in `sub`.
  static var identifier: ValueKind {
    .scalar(noun: "an id", reference: "text", text: \.self) { scalar throws(ValueFault) in
      let bytes = scalar.text.utf8
      guard (1...bytesMax).contains(bytes.count), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }) else {
        throw ValueFault("is not an id; use up to \(bytesMax) visible ASCII characters, no space and no colon")
      }
      return scalar.text
    }
  }

  static var username: ValueKind {
    .scalar(noun: "a username", reference: "text", text: \.self) { scalar throws(ValueFault) in
      guard (1...bytesMax).contains(scalar.text.utf8.count) else {
        throw ValueFault("is not a username; use 1 to \(bytesMax) bytes")
      }
      // Nobody sees such a space, and whoever types the name leaves it out.
      guard scalar.text.utf8.first != 0x20, scalar.text.utf8.last != 0x20 else {
        throw ValueFault("begins or ends with a space")
      }
      return scalar.text
    }
  }

  /// A role or a permission.
  static func grant(_ noun: String) -> ValueKind {
    .scalar(noun: noun, reference: "text", text: \.self) { scalar throws(ValueFault) in
      guard (1...bytesMax).contains(scalar.text.utf8.count) else {
        throw ValueFault("is not \(noun); use 1 to \(bytesMax) bytes")
      }
      return scalar.text
    }
  }

  /// RFC 6749 §3.3.
  static var scope: ValueKind {
    .scalar(noun: "a scope", reference: "text", text: \.self) { scalar throws(ValueFault) in
      let bytes = scalar.text.utf8
      let isSound = bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
      guard isSound, (1...bytesMax).contains(bytes.count) else {
        throw ValueFault("is not a scope; use visible ASCII without spaces, quotes and backslashes (RFC 6749 §3.3)")
      }
      return scalar.text
    }
  }
}

extension ValueKind where Value == PasswordHash {
  /// Reports never quote it: it may be a password that somebody put there.
  static var passwordHash: ValueKind {
    ValueKind(noun: "a password hash", reference: "text") { node, decoding in
      guard case .scalar(let scalar) = node.content, !scalar.isNothing else {
        if case .faulty = node.content { return nil }
        decoding.report(node.position, "expected a password hash; \"portcullis user password\" makes one")
        return nil
      }
      do throws(PasswordHashError) {
        return try PasswordHash(stored: scalar.text)
      } catch {
        decoding.report(node.position, error.description)
        return nil
      }
    }
  }
}

extension ValueKind where Value == [ClaimMember] {
  static var userClaims: ValueKind {
    ValueKind(noun: "a mapping", reference: "mapping of claims") { node, decoding in
      guard let entries = node.entries(expected: "a mapping from claims to values", &decoding) else { return nil }
      var claims: [ClaimMember] = []
      for entry in entries {
        if let fault = UserClaimText.fault(name: entry.key) {
          decoding.report(entry.keyPosition, "\"\(entry.key)\" \(fault.predicate)")
        }
        guard let value = UserClaimText.value(entry.value, &decoding) else { continue }
        claims.append(ClaimMember(name: entry.key, value: value))
      }
      return claims.count == entries.count ? claims : nil
    }
  }
}

/// Claims of users as a file or an argument says them.
enum UserClaimText {
  /// What the gateway says itself (RFC 7519 §4.1, RFC 9068 §2.2), or what would bind the token to a key.
  static let reserved = [
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "auth_time", "amr", "acr", "azp", "client_id", "cnf", "act",
    "may_act", "nonce", "preferred_username", "roles", "permissions", "scope",
  ]

  private static let expected = "a string, a number, true, false or a list of those"

  static func fault(name: String) -> ValueFault? {
    if reserved.contains(where: { $0.isSameBytes(as: name) }) { return ValueFault("is a claim that the gateway sets") }
    return (1...128).contains(name.utf8.count) ? nil : ValueFault("is not a claim name; use 1 to 128 bytes")
  }

  /// nil after a report.
  static func value(_ node: Node, _ decoding: inout Decoding) -> ClaimValue? {
    switch node.content {
    case .scalar(let scalar) where !scalar.isNothing:
      return scalar.style == .plain ? value(plain: scalar.text) : .string(scalar.text)
    case .sequence(let elements):
      let values = elements.compactMap { element -> ClaimValue? in
        if case .sequence = element.content {
          decoding.report(element.position, "a list in a list; expected \(expected)")
          return nil
        }
        return value(element, &decoding)
      }
      return values.count == elements.count ? .list(values) : nil
    case .scalar, .mapping:
      decoding.report(
        node.position, "expected \(expected), found \(node.noun)")
      return nil
    case .faulty: return nil
    }
  }

  /// Without quotes `true`, `false` and whole numbers are themselves; in quotes they are texts.
  static func value(plain text: String) -> ClaimValue {
    switch text {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default:
      let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
      guard let number = WholeNumber.parse(digits), text != "-0" else { return .string(text) }
      return .integer(text.hasPrefix("-") ? -number : number)
    }
  }
}
