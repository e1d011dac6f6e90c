import Configuration
import HTTP
import Reason

/// Where the token of a request stands.
enum Credential {
  case absent
  /// In the Authorization line, behind `Bearer ` (RFC 6750 §2.1).
  case authorization(ByteRange)
  /// The value of a cookie.
  case cookie(ByteRange)

  /// The token.
  var range: ByteRange? {
    switch self {
    case .absent: nil
    case .authorization(let range), .cookie(let range): range
    }
  }

  /// The cookie that holds a token: the first of `names` that the request has.
  ///
  /// - Throws: `cookieRepeated` where it stands twice (SECURITY C-2).
  static func cookie(
    in head: borrowing RequestHead, _ bytes: Span<UInt8>, names: [[UInt8]]
  ) throws(CredentialError) -> Credential {
    guard head.cookieLine >= 0 else { return .absent }
    for name in names {
      switch CookieLine.find(name, in: bytes, head.fields[head.cookieLine].value) {
      case .absent: continue
      case .repeated: throw CredentialError()
      case .found(let value): return .cookie(value)
      }
    }
    return .absent
  }

  /// The Bearer token in Authorization. An Authorization of another scheme is no token.
  static func authorization(in head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Credential {
    guard head.authorizationLine >= 0 else { return .absent }
    return bearerToken(bytes, head.fields[head.authorizationLine].value).map { .authorization($0) } ?? .absent
  }

  /// What stands behind the scheme `Bearer`, in any case (RFC 9110 §11.1), and its spaces. Nothing, or anything but
  /// spaces behind the scheme's name, is a bad token, not another scheme (SECURITY T-14).
  private static func bearerToken(_ bytes: Span<UInt8>, _ value: ByteRange) -> ByteRange? {
    guard value.count >= 6 else { return nil }
    let start = value.lowerBound
    guard bytes[start] | 0x20 == UInt8(ascii: "b"), bytes[start + 1] | 0x20 == UInt8(ascii: "e"),
      bytes[start + 2] | 0x20 == UInt8(ascii: "a"), bytes[start + 3] | 0x20 == UInt8(ascii: "r"),
      bytes[start + 4] | 0x20 == UInt8(ascii: "e"), bytes[start + 5] | 0x20 == UInt8(ascii: "r")
    else { return nil }
    var first = start + 6
    if first < value.upperBound, isOfSchemeName(bytes[first]) { return nil }
    while first < value.upperBound, bytes[first] == UInt8(ascii: " ") { first += 1 }
    return ByteRange(first, value.upperBound)
  }

  /// Whether a longer name than `Bearer` goes on with `byte`: that is another scheme.
  private static func isOfSchemeName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}

/// Where a provider's tokens may stand, as it is compared with a request.
struct CredentialPlaces {
  let authorization: Bool
  /// Names, in the order in which they are looked for.
  let cookies: [[UInt8]]

  init(_ sources: [CredentialSource]) {
    authorization = sources.contains(.authorization)
    cookies = sources.compactMap { source in
      if case .cookie(let name) = source { [UInt8](name.utf8) } else { nil }
    }
  }
}

/// The token's cookie stands twice: which one another server would read is anyone's guess.
struct CredentialError: Error {
  var reason: Reason { .cookieRepeated }
}
