import Configuration
import HTTP
import Reason

/// What is no proof by itself of who somebody is: it is asked about.
enum IntrospectedCredential {
  /// At its issuer.
  case token([UInt8])
  /// A session's id, in the store of sessions.
  case session([UInt8])
}

/// Where the token of a request stands.
enum Credential {
  case absent
  /// In the Authorization line, behind `Bearer ` (RFC 6750 §2.1) or `DPoP ` (RFC 9449 §7.1).
  case authorization(ByteRange, Scheme)
  /// The value of a cookie.
  case cookie(ByteRange)
  /// The value of a session's cookie: no token, but what the gateway itself knows somebody by.
  case session(ByteRange)
  /// Among the protocols that a WebSocket handshake offers. No browser sends one unasked, as it does a cookie: whoever
  /// sends it knows it.
  case webSocketProtocol(ByteRange)

  enum Scheme: Sendable { case bearer, dpop }

  /// The token.
  var range: ByteRange? {
    switch self {
    case .absent: nil
    case .authorization(let range, _), .cookie(let range), .session(let range), .webSocketProtocol(let range): range
    }
  }

  /// A copy to ask with again; nil where there is nothing to ask about.
  func introspected(from bytes: Span<UInt8>) -> IntrospectedCredential? {
    guard let range, !range.isEmpty else { return nil }
    let copy = [UInt8](capacity: range.count) { output in
      for index in range.lowerBound..<range.upperBound { output.append(bytes[index]) }
    }
    if case .session = self { return .session(copy) }
    return .token(copy)
  }

  /// Whether it is the cookie that the browser will have, as what the request brought was renewed.
  var isRenewed: Bool { if case .cookie(let range) = self { range == .empty } else { false } }

  /// The token, where it is a cookie's of this request.
  var cookie: ByteRange? { if case .cookie(let range) = self, !isRenewed { range } else { nil } }

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
      case .repeated: throw CredentialError(reason: .cookieRepeated)
      case .found(let value): return .cookie(value)
      }
    }
    return .absent
  }

  /// The session's cookie.
  ///
  /// - Throws: As above.
  static func session(
    in head: borrowing RequestHead, _ bytes: Span<UInt8>, name: [UInt8]
  ) throws(CredentialError) -> Credential {
    guard case .cookie(let range) = try cookie(in: head, bytes, names: [name]) else { return .absent }
    return .session(range)
  }

  /// The token among the protocols of a WebSocket handshake.
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

  /// The Bearer or DPoP token in Authorization. An Authorization of another scheme is no token.
  static func authorization(in head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Credential {
    guard head.authorizationLine >= 0 else { return .absent }
    let value = head.fields[head.authorizationLine].value
    if let token = token(bytes, value, behind: bearer) { return .authorization(token, .bearer) }
    guard let token = token(bytes, value, behind: dpop) else { return .absent }
    return .authorization(token, .dpop)
  }

  private static let bearer: InlineArray<6, UInt8> = [0x62, 0x65, 0x61, 0x72, 0x65, 0x72]
  private static let dpop: InlineArray<4, UInt8> = [0x64, 0x70, 0x6F, 0x70]

  /// What stands behind the scheme, in any case (RFC 9110 §11.1), and its spaces. Nothing, or anything but spaces behind
  /// the scheme's name, is a bad token, not another scheme (SECURITY T-14).
  ///
  /// - Parameter scheme: In lower case, letters alone.
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

  /// Whether a longer name than the scheme's goes on with `byte`: that is another scheme.
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
  let webSocketProtocol: Bool
  /// Names, in the order in which they are looked for.
  let cookies: [[UInt8]]
  /// The name of the cookie of its sessions; nil: it has none.
  let session: [UInt8]?
  let dpop: DPoPUse
  /// Whether its clients send tokens at all.
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

  /// What the provider's clients are offered.
  var schemes: AuthenticationSchemes {
    // A 401 offers a scheme, also where a cookie is what is read (RFC 9110 §15.5.2).
    guard authorization else { return isAnywhere ? .bearer : [] }
    return switch dpop {
    case .off: .bearer
    case .allowed: [.bearer, .dpop]
    case .required: .dpop
    }
  }
}

/// A credential stands twice, or it is not plain where it ends: what another server would read is anyone's guess.
struct CredentialError: Error {
  let reason: Reason
}
