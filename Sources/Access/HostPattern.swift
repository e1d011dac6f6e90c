import HTTP

/// Which hosts a route is for.
public enum HostPattern: Sendable, Hashable {
  case any
  /// In lower case, without a port and a trailing dot; an IPv6 address as RFC 5952 writes it, in brackets.
  case exact(String)
  /// Every host one or more labels below this one.
  case below(String)

  /// Reads `api.example.com` or `*.example.com`.
  public init(_ text: String) throws(PatternError) {
    var name = Substring(text.lowercased())
    let isWildcard = name.hasPrefix("*.")
    if isWildcard { name = name.dropFirst(2) }
    if name.hasSuffix("."), name.count > 1 { name = name.dropLast() }
    guard !name.isEmpty else { throw PatternError("it is empty") }
    if name.contains("://") {
      throw PatternError("a host must be written without scheme or path, such as api.example.com")
    }
    if name.hasPrefix("[") {
      guard !isWildcard, name.hasSuffix("]") else {
        throw PatternError("an IPv6 address must be in brackets, without a port")
      }
      guard let address = IPAddress(host: String(name).utf8Span.span) else {
        throw PatternError("an IPv6 address is written as in [2001:db8::1]")
      }
      name = Substring(address.host)
    } else {
      for byte in name.utf8 where !HostPattern.isNameByte(byte) {
        switch byte {
        case UInt8(ascii: ":"): throw PatternError("a host must be written without a port")
        case UInt8(ascii: "*"): throw PatternError("`*` can only be a whole label at the front: \"*.example.com\"")
        default:
          throw PatternError("a host name has only letters, digits, `-`, `_` and `.` (write an IDN in its xn-- form)")
        }
      }
      let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      if labels.contains(where: \.isEmpty) { throw PatternError("it has an empty label") }
    }
    self = isWildcard ? .below(String(name)) : .exact(String(name))
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
