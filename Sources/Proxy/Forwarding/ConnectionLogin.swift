import HTTP

/// The authentication schemes that log in the connection, not the request (RFC 4559 §6): whoever came next on it would be
/// taken for the one who logged in (SECURITY U-3).
enum ConnectionLogin {
  private static let schemes = ["ntlm", "negotiate", "nego2", "kerberos"]

  /// Whether the credentials or the challenge in `value` are of such a scheme. Its name ends where a token does (RFC 9110
  /// §11.1): servers take other white space behind it than the space that should be there.
  static func isScheme(of value: ByteRange, _ bytes: Span<UInt8>) -> Bool {
    var end = value.lowerBound
    while end < value.upperBound, FieldText.isToken(bytes[end]) { end += 1 }
    let scheme = ByteRange(value.lowerBound, end)
    for name in schemes where FieldText.isWord(bytes, scheme, name) { return true }
    return false
  }

  /// Whether one of the challenges in a WWW-Authenticate line is of such a scheme (RFC 9110 §11.6.1). A comma within a
  /// quoted string may look like a challenge, which costs a connection.
  static func isAmongChallenges(_ value: ByteRange, _ bytes: Span<UInt8>) -> Bool {
    var challenges = ListElements(value)
    while let challenge = challenges.next(bytes) {
      if isScheme(of: challenge, bytes) { return true }
    }
    return false
  }
}
