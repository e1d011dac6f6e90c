import HTTP
import Sockets

/// What an upstream is told of the client, in both ways that are in use: X-Forwarded-*, and Forwarded (RFC 7239).
///
/// What a trusted proxy said goes on, with the proxy behind it; what anybody else says has been removed.
struct ForwardedFields {
  let client: Client

  /// - Parameter authority: Host of the request at hand.
  func write(_ bytes: Span<UInt8>, authority: ByteRange, to writer: inout HeadWriter) {
    writeAddresses(&writer)
    writer.write("X-Forwarded-Proto: ")
    writer.write(client.scheme.text)
    writer.write("\r\nX-Forwarded-Host: ")
    writer.write(bytes, saidAuthority ?? authority)
    if let port = port {
      writer.write("\r\nX-Forwarded-Port: ")
      writer.write(decimal: UInt64(port))
    }
    writer.write("\r\nForwarded: ")
    writeElements(bytes, authority, &writer)
    writer.write("\r\n")
  }

  private var saidAuthority: ByteRange? {
    guard let said = client.said, !said.authority.isEmpty else { return nil }
    return said.authority
  }

  /// The port that the client connected to. Behind a proxy only that knows.
  private var port: UInt16? {
    guard let said = client.said else { return client.peer.port }
    return said.port
  }

  private func writeAddresses(_ writer: inout HeadWriter) {
    let route = client.said?.route ?? []
    guard !route.isEmpty || client.peer.text.count > 0 else { return }
    writer.write("X-Forwarded-For: ")
    var isFirst = true
    for address in route {
      if !isFirst { writer.write(", ") }
      writer.write([UInt8](address.text.utf8).span)
      isFirst = false
    }
    if client.peer.text.count > 0 {
      if !isFirst { writer.write(", ") }
      client.peer.text.withBytes { writer.write($0) }
    }
    writer.write("\r\n")
  }

  private func writeElements(_ bytes: Span<UInt8>, _ authority: ByteRange, _ writer: inout HeadWriter) {
    if let said = client.said, let first = said.client {
      let text = AddressText(first.text)
      text.withBytes { ForwardedFields.writeNode($0, &writer) }
      if let scheme = said.scheme { ForwardedFields.write(scheme, &writer) }
      if !said.authority.isEmpty { ForwardedFields.write(bytes, said.authority, &writer) }
      for proxy in said.route.dropFirst() {
        writer.write(", ")
        AddressText(proxy.text).withBytes { ForwardedFields.writeNode($0, &writer) }
      }
      writer.write(", ")
    }
    if client.peer.text.count > 0 {
      client.peer.text.withBytes { ForwardedFields.writeNode($0, &writer) }
    } else {
      // RFC 7239 §6.2: it has none.
      writer.write("for=unknown")
    }
    ForwardedFields.write(client.said?.client == nil ? client.scheme : client.peerScheme, &writer)
    ForwardedFields.write(bytes, authority, &writer)
  }

  /// An IPv6 address stands in brackets and quotes (RFC 7239 §6).
  private static func writeNode(_ address: Span<UInt8>, _ writer: inout HeadWriter) {
    var isIPv6 = false
    for index in address.indices where address[index] == UInt8(ascii: ":") { isIPv6 = true }
    writer.write(isIPv6 ? "for=\"[" : "for=")
    writer.write(address)
    if isIPv6 { writer.write("]\"") }
  }

  private static func write(_ scheme: Scheme, _ writer: inout HeadWriter) {
    writer.write(";proto=")
    writer.write(scheme.text)
  }

  /// In quotes, as a port makes it more than a token.
  private static func write(_ bytes: Span<UInt8>, _ authority: ByteRange, _ writer: inout HeadWriter) {
    writer.write(";host=\"")
    writer.write(bytes, authority)
    writer.write("\"")
  }
}

extension Scheme {
  var text: StaticString { self == .https ? "https" : "http" }
}
