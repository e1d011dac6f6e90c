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
      if first == 0x686F7374 { return .host }
      if first == 0x64617465 { return .date }
    case 6:
      if first == 0x657870656374 { return .expect }
      if first == 0x636F6F6B6965 { return .cookie }
      if first == 0x736572766572 { return .server }
      if first == 0x616363657074 { return .accept }
      if first == 0x6F726967696E { return .origin }
    case 7:
      if first == 0x747261696C6572 { return .trailer }
      if first == 0x75706772616465 { return .upgrade }
    case 8:
      if first == 0x6C6F636174696F6E { return .location }
    case 10:
      if first == 0x636F6E6E65637469 && second == 0x6F6E { return .connection }
      if first == 0x6B6565702D616C69 && second == 0x7665 { return .keepAlive }
      if first == 0x7365742D636F6F6B && second == 0x6965 { return .setCookie }
    case 12:
      if first == 0x636F6E74656E742D && second == 0x74797065 { return .contentType }
    case 13:
      if first == 0x617574686F72697A && second == 0x6174696F6E { return .authorization }
    case 14:
      if first == 0x636F6E74656E742D && second == 0x6C656E677468 { return .contentLength }
      if first == 0x68747470322D7365 && second == 0x7474696E6773 { return .http2Settings }
    case 16:
      if first == 0x70726F78792D636F && second == 0x6E6E656374696F6E { return .proxyConnection }
      if first == 0x7777772D61757468 && second == 0x656E746963617465 { return .wwwAuthenticate }
    case 17:
      if first == 0x7472616E73666572 && second == 0x2D656E636F64696E && third == 0x67 { return .transferEncoding }
    case 18:
      if first == 0x70726F78792D6175 && second == 0x7468656E74696361 && third == 0x7465 { return .proxyAuthenticate }
    case 19:
      if first == 0x70726F78792D6175 && second == 0x74686F72697A6174 && third == 0x696F6E { return .proxyAuthorization }
    default: break
    }
    return .other
  }
}
