/// A place where the gateway accepts connections.
public struct ListenerConfiguration: Sendable, Hashable {
  public var address: ListenAddress
  /// Whether every connection begins with a PROXY header, which says whose it is.
  public var proxyProtocol = false
  /// nil: it speaks in clear.
  public var tls: ListenerTLSConfiguration?
  /// The port of https to which whoever speaks in clear is sent; nil: nobody is.
  public var redirectPort: UInt16?
}

/// Where the gateway listens.
public enum ListenAddress: Sendable, Hashable {
  /// An IPv4 literal and a port.
  case ipv4(String, port: UInt16)
  /// An IPv6 literal without brackets and a port.
  case ipv6(String, port: UInt16)
  /// A unix domain socket's path, resolved against the folder of the file.
  case unix(String)

  /// As a configuration has it.
  public var written: String {
    switch self {
    case .ipv4(let literal, let port): "\(literal):\(port)"
    case .ipv6(let literal, let port): "[\(literal)]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// Whether the system chooses the port.
  var isAnyPort: Bool {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port == 0
    case .unix: false
    }
  }

  /// Whether nobody but this machine can reach it.
  public var isLocal: Bool {
    switch self {
    case .ipv4(let literal, _), .ipv6(let literal, _): IPLiteral.isLoopback(literal)
    case .unix: true
    }
  }
}
