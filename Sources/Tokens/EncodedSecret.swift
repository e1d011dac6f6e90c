/// Tells a secret from key material, with armour and without, as consoles of issuers show it to be copied
/// (SECURITY T-2).
enum EncodedSecret {
  /// Whether a UTF-8 byte order mark begins the bytes.
  static func isMarked(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0xEF, 0xBB, 0xBF]) }

  /// Whether the bytes hold PEM, begin as a JWK or a key of OpenSSH, or are a key or a certificate in DER, or that in
  /// base64 with or without line ends.
  static func isKey(_ bytes: [UInt8]) -> Bool {
    let beginning = bytes.drop { $0 <= 0x20 }
    if beginnings.contains(where: { beginning.starts(with: $0.utf8) }) { return true }
    // A certificate has lines of text before it where `openssl x509 -text` wrote it.
    if holds(Array("-----BEGIN ".utf8), in: bytes) { return true }
    if isEncodedKey(bytes) { return true }
    let text = bytes.filter { $0 > 0x20 && $0 != UInt8(ascii: "=") }.map { byte in
      switch byte {
      case UInt8(ascii: "+"): UInt8(ascii: "-")
      case UInt8(ascii: "/"): UInt8(ascii: "_")
      default: byte
      }
    }
    return Base64URL.decode(text.span).map { isEncodedKey($0) } ?? false
  }

  private static let beginnings = ["-----BEGIN", "{", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]

  private static func holds(_ pattern: [UInt8], in bytes: [UInt8]) -> Bool {
    guard bytes.count >= pattern.count else { return false }
    return (0...bytes.count - pattern.count).contains { bytes[$0...].starts(with: pattern) }
  }

  /// A SEQUENCE as long as the bytes that begins as a SubjectPublicKeyInfo or a certificate does, with a SEQUENCE (RFC
  /// 5280 §4.1), or as an RSAPublicKey or a private key, with a long INTEGER or a version (RFC 8017 §A.1). Of random
  /// bytes, one in millions looks so.
  private static func isEncodedKey(_ bytes: [UInt8]) -> Bool {
    guard let outer = content(bytes, at: 0, tag: 0x30), outer.upperBound == bytes.count else { return false }
    if let inner = content(bytes, at: outer.lowerBound, tag: 0x30) {
      // An algorithm's identifier, or a certificate's version or serial number.
      return !inner.isEmpty && [0x06, 0xA0, 0x02].contains(bytes[inner.lowerBound])
    }
    guard let number = content(bytes, at: outer.lowerBound, tag: 0x02) else { return false }
    return number.count >= 128 || bytes[number] == [0] || bytes[number] == [1]
  }

  /// Where the content of the value at `start` stands (X.690 §8.1), where it has that tag and ends inside the bytes.
  private static func content(_ bytes: [UInt8], at start: Int, tag: UInt8) -> Range<Int>? {
    guard start + 2 <= bytes.count, bytes[start] == tag else { return nil }
    let first = Int(bytes[start + 1])
    guard first >= 0x80 else { return range(start + 2, first, bytes) }
    let lengthBytes = first & 0x7F
    guard (1...2).contains(lengthBytes), start + 2 + lengthBytes <= bytes.count else { return nil }
    let length = bytes[start + 2..<start + 2 + lengthBytes].reduce(0) { $0 << 8 | Int($1) }
    return range(start + 2 + lengthBytes, length, bytes)
  }

  private static func range(_ start: Int, _ count: Int, _ bytes: [UInt8]) -> Range<Int>? {
    start + count <= bytes.count ? start..<start + count : nil
  }
}
