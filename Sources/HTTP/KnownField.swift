/// The fields that the gateway itself reads or treats in a way of their own. Recognized once, while the head is parsed.
public enum KnownField: UInt8, Sendable {
  case other
  case host
  case contentLength
  case transferEncoding
  case connection
  case keepAlive
  case proxyConnection
  case te
  case trailer
  case upgrade
  case expect
  case authorization
  case proxyAuthorization
  case proxyAuthenticate
  case wwwAuthenticate
  case cookie
  case setCookie
  case date
  case server
  case location
  case accept
  case contentType
  case origin
  case http2Settings
  case dpop
  case traceparent
  case tracestate
  case cdnLoop

  /// Whether the field is for this connection alone (RFC 9110 §7.6.1), or for a proxy's own authentication: it is never
  /// forwarded.
  public var isHopByHop: Bool {
    switch self {
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade, .proxyAuthorization,
      .proxyAuthenticate, .http2Settings:
      true
    default: false
    }
  }

  /// The field whose name, in lower case, is `count` bytes long and reads `first second third`, eight bytes each and
  /// right-aligned.
  static func named(_ count: Int, _ first: UInt64, _ second: UInt64, _ third: UInt64) -> KnownField {
    switch count {
    case 2:
      if first == 0x7465 { return .te }
    case 4:
      if first == 0x686F_7374 { return .host }
      if first == 0x6461_7465 { return .date }
      if first == 0x6470_6F70 { return .dpop }
    case 6:
      if first == 0x6578_7065_6374 { return .expect }
      if first == 0x636F_6F6B_6965 { return .cookie }
      if first == 0x7365_7276_6572 { return .server }
      if first == 0x6163_6365_7074 { return .accept }
      if first == 0x6F72_6967_696E { return .origin }
    case 7:
      if first == 0x74_7261_696C_6572 { return .trailer }
      if first == 0x75_7067_7261_6465 { return .upgrade }
    case 8:
      if first == 0x6C6F_6361_7469_6F6E { return .location }
      if first == 0x6364_6E2D_6C6F_6F70 { return .cdnLoop }
    case 10:
      if first == 0x636F_6E6E_6563_7469 && second == 0x6F6E { return .connection }
      if first == 0x6B65_6570_2D61_6C69 && second == 0x7665 { return .keepAlive }
      if first == 0x7365_742D_636F_6F6B && second == 0x6965 { return .setCookie }
      if first == 0x7472_6163_6573_7461 && second == 0x7465 { return .tracestate }
    case 11:
      if first == 0x7472_6163_6570_6172 && second == 0x65_6E74 { return .traceparent }
    case 12:
      if first == 0x636F_6E74_656E_742D && second == 0x7479_7065 { return .contentType }
    case 13:
      if first == 0x6175_7468_6F72_697A && second == 0x61_7469_6F6E { return .authorization }
    case 14:
      if first == 0x636F_6E74_656E_742D && second == 0x6C65_6E67_7468 { return .contentLength }
      if first == 0x6874_7470_322D_7365 && second == 0x7474_696E_6773 { return .http2Settings }
    case 16:
      if first == 0x7072_6F78_792D_636F && second == 0x6E6E_6563_7469_6F6E { return .proxyConnection }
      if first == 0x7777_772D_6175_7468 && second == 0x656E_7469_6361_7465 { return .wwwAuthenticate }
    case 17:
      if first == 0x7472_616E_7366_6572 && second == 0x2D65_6E63_6F64_696E && third == 0x67 { return .transferEncoding }
    case 18:
      if first == 0x7072_6F78_792D_6175 && second == 0x7468_656E_7469_6361 && third == 0x7465 {
        return .proxyAuthenticate
      }
    case 19:
      if first == 0x7072_6F78_792D_6175 && second == 0x7468_6F72_697A_6174 && third == 0x696F6E {
        return .proxyAuthorization
      }
    default: break
    }
    return .other
  }
}
