import Configuration
import HTTP

/// The response of a route that sends the client elsewhere.
enum RedirectResponse {
  /// - Parameters:
  ///   - path: Canonical, and rewritten where the route says so.
  ///   - query: As it was received, with its `?`; empty where there is none.
  static func response(
    _ redirect: RedirectConfiguration, path: Span<UInt8>, _ bytes: Span<UInt8>, query: ByteRange
  ) -> LocalResponse {
    var location = [UInt8](redirect.target.utf8)
    if redirect.path == .appended {
      append(path, ByteRange(0, path.count), to: &location)
      append(bytes, query, to: &location)
    }
    return LocalResponse(
      status: redirect.status, fields: [("Location", String(decoding: location, as: UTF8.self))], body: [])
  }

  /// The same request by https (RFC 9110 §15.4.9). Nobody is to keep it: Host, which it repeats, may be any that a route is
  /// for.
  ///
  /// - Parameter host: Without a port.
  static func toHTTPS(
    _ host: Span<UInt8>, port: UInt16, path: Span<UInt8>, _ bytes: Span<UInt8>, query: ByteRange
  ) -> LocalResponse {
    var location = [UInt8]("https://".utf8)
    append(host, ByteRange(0, host.count), to: &location)
    if port != 443 { location += [UInt8](":\(port)".utf8) }
    append(path, ByteRange(0, path.count), to: &location)
    append(bytes, query, to: &location)
    return LocalResponse(
      status: 308,
      fields: [("Location", String(decoding: location, as: UTF8.self)), ("Cache-Control", "no-store")], body: [])
  }

  /// Bytes that no URL holds are escaped (RFC 3986 §2): queries are forwarded as they came, whatever they hold.
  private static func append(_ bytes: Span<UInt8>, _ range: ByteRange, to location: inout [UInt8]) {
    for index in range.lowerBound..<range.upperBound {
      let byte = bytes[index]
      switch byte {
      case 0...0x20, 0x7F..., UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
        UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
        location.append(UInt8(ascii: "%"))
        location.append(digit(byte >> 4))
        location.append(digit(byte & 0xF))
      default: location.append(byte)
      }
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }
}
