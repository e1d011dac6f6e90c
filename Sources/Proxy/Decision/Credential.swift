import Configuration
import HTTP
import Reason

/// Where the credential of a request is.
enum Credential {
  case absent
  /// In the Authorization line, after `Bearer ` (RFC 6750 §2.1) or `DPoP ` (RFC 9449 §7.1).
  case authorization(ByteRange, Scheme)
  /// The value of a cookie.
  case cookie(ByteRange)
  /// The value of a session cookie: not a token, but the gateway's own identifier of a user's session.
  case session(ByteRange)
  /// Among the protocols that a WebSocket handshake offers. Unlike a cookie, browsers never send one by themselves: its
  /// sender knows it.
  case webSocketProtocol(ByteRange)

  enum Scheme: Sendable { case bearer, dpop }

  /// The range of the token or session id in the request; nil if there is none.
  var range: ByteRange? {
    switch self {
    case .absent: nil
    case .authorization(let range, _), .cookie(let range), .session(let range), .webSocketProtocol(let range): range
    }
  }

  /// A copy for later introspection; nil if there is nothing to introspect.
  func introspected(from bytes: Span<UInt8>) -> IntrospectedCredential? {
    guard let range, !range.isEmpty else { return nil }
    return introspected(bytes.extracting(range.lowerBound..<range.upperBound))
  }

  /// A copy of `bytes`, the token or session id, wherever they are from: a renewed token is not in the request.
  func introspected(_ bytes: Span<UInt8>) -> IntrospectedCredential {
    let copy = [UInt8](bytes)
    if case .session = self { return .session(copy) }
    return .token(copy)
  }

  /// Whether it is the cookie that the browser is about to receive, as the token of the request was renewed.
  var isRenewed: Bool { if case .cookie(let range) = self { range == .empty } else { false } }

  /// The range of the token, if it is in a cookie of this request.
  var cookie: ByteRange? { if case .cookie(let range) = self, !isRenewed { range } else { nil } }

  /// The cookie that holds a token: the first of `names` that the request has; `absent` if it has none.
  ///
  /// - Throws: `cookieRepeated` if that cookie occurs twice (SECURITY C-2).
  static func cookie(
    in head: borrowing RequestHead, _ bytes: Span<UInt8>, names: [[UInt8]]
  ) throws(CredentialError) -> Credential {
    guard head.cookieLine >= 0 else { return .absent }
    for name in names {
      switch CookieLine.find(name, in: bytes, head.fields[head.cookieLine].value) {
      case .absent: continue
      case .repeated: throw CredentialError(reason: .cookieRepeated)
      case .found(let value): return .cookie(value)
      }
    }
    return .absent
  }

  /// The session cookie; `absent` if the request has none.
  ///
  /// - Throws: `cookieRepeated` if it occurs twice (SECURITY C-2).
  static func session(
    in head: borrowing RequestHead, _ bytes: Span<UInt8>, name: [UInt8]
  ) throws(CredentialError) -> Credential {
    guard case .cookie(let range) = try cookie(in: head, bytes, names: [name]) else { return .absent }
    return .session(range)
  }

  /// The token among the protocols of a WebSocket handshake; `absent` if there is none.
  static func webSocketProtocol(
    in head: borrowing RequestHead, _ bytes: Span<UInt8>
  ) throws(CredentialError) -> Credential {
    do throws(WebSocketTokenError) {
      guard let found = try WebSocketToken(head, bytes) else { return .absent }
      return .webSocketProtocol(found.token)
    } catch {
      throw CredentialError(reason: error.reason)
    }
  }

  /// The Bearer or DPoP token in Authorization. An Authorization of another scheme is not a token.
  static func authorization(in head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Credential {
    guard head.authorizationLine >= 0 else { return .absent }
    let value = head.fields[head.authorizationLine].value
    if let token = token(bytes, value, behind: bearer) { return .authorization(token, .bearer) }
    guard let token = token(bytes, value, behind: dpop) else { return .absent }
    return .authorization(token, .dpop)
  }

  private static let bearer: InlineArray<6, UInt8> = [0x62, 0x65, 0x61, 0x72, 0x65, 0x72]
  private static let dpop: InlineArray<4, UInt8> = [0x64, 0x70, 0x6F, 0x70]

  /// What follows the scheme, which is compared in any case (RFC 9110 §11.1), and its spaces. If nothing follows the
  /// scheme's name, or anything but spaces, the token is invalid; it is not taken for another scheme (SECURITY T-14).
  ///
  /// - Parameter scheme: In lower case, letters only.
  private static func token<let count: Int>(
    _ bytes: Span<UInt8>, _ value: ByteRange, behind scheme: InlineArray<count, UInt8>
  ) -> ByteRange? {
    guard value.count >= count else { return nil }
    for offset in 0..<count where bytes[value.lowerBound + offset] | 0x20 != scheme[offset] { return nil }
    var first = value.lowerBound + count
    if first < value.upperBound, isOfSchemeName(bytes[first]) { return nil }
    while first < value.upperBound, bytes[first] == UInt8(ascii: " ") { first += 1 }
    return ByteRange(first, value.upperBound)
  }

  /// Whether `byte` continues a name longer than the scheme's: that is another scheme.
  private static func isOfSchemeName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}

/// Where a provider's tokens may be, in a form to compare with a request.
struct CredentialPlaces {
  let authorization: Bool
  let webSocketProtocol: Bool
  /// Names, in the order in which they are searched for.
  let cookies: [[UInt8]]
  /// The name of the provider's session cookie; nil if it has none.
  let session: [UInt8]?
  let dpop: DPoPUse
  /// Whether its clients send credentials at all.
  private let isAnywhere: Bool

  init(_ sources: [CredentialSource], dpop: DPoPUse) {
    self.dpop = dpop
    isAnywhere = !sources.isEmpty
    authorization = sources.contains(.authorization)
    webSocketProtocol = sources.contains(.webSocketProtocol)
    cookies = sources.compactMap { source in
      if case .cookie(let name) = source { [UInt8](name.utf8) } else { nil }
    }
    let sessions: [[UInt8]] = sources.compactMap { source in
      if case .session(let name) = source { [UInt8](name.utf8) } else { nil }
    }
    session = sessions.first
  }

  /// The schemes offered to the provider's clients.
  var schemes: AuthenticationSchemes {
    // A 401 has to offer a scheme, even if a cookie is what is read (RFC 9110 §15.5.2).
    guard authorization else { return isAnywhere ? .bearer : [] }
    return switch dpop {
    case .off: .bearer
    case .allowed: [.bearer, .dpop]
    case .required: .dpop
    }
  }
}

/// A credential occurs twice, or its end is ambiguous: another server might read a different one.
struct CredentialError: Error {
  let reason: Reason
}
