/// Where a socket listens or connects to, as written.
enum SocketLocation: Sendable {
  case internet(HostAndPort.Host, port: UInt16)
  /// Resolved against the folder of the file.
  case unix(String)

  /// `localhost` is 127.0.0.1.
  init(_ host: HostAndPort.Host, port: UInt16) {
    if case .name(let name) = host, name.lowercased() == "localhost" {
      self = .internet(.ipv4("127.0.0.1"), port: port)
    } else {
      self = .internet(host, port: port)
    }
  }
}

extension Node {
  /// `host:port` or `unix:path`; nil after a report.
  func socketLocation(_ decoding: inout Decoding) -> SocketLocation? {
    guard let scalar = scalar(expected: "an address", &decoding) else { return nil }
    if scalar.text.hasPrefix("unix:") {
      let path = decoding.resolve(String(scalar.text.dropFirst(5)))
      // sockaddr_un holds 107 bytes and a NUL (unix(7)).
      guard scalar.text.utf8.count > 5, path.utf8.count <= 107 else {
        decoding.report(position, "\(scalar.quoted) needs a path of 1 to 107 bytes")
        return nil
      }
      return .unix(path)
    }
    guard let address = HostAndPort(scalar.text) else {
      decoding.report(position, "\(scalar.quoted) is not an address; write host:port, \"[::1]:port\" or unix:path")
      return nil
    }
    guard let port = address.port else {
      decoding.report(position, "\(scalar.quoted) has no port; write host:port")
      return nil
    }
    return SocketLocation(address.host, port: port)
  }
}
