import HTTP

/// A place where the gateway accepts connections.
public struct ListenerConfiguration: Sendable, Hashable {
  /// Where it listens.
  public var address: ListenAddress
  /// Whether every connection begins with a PROXY header, whose word about the client's address is trusted.
  public var proxyProtocol = false
  /// How it speaks TLS; nil: it speaks plain HTTP.
  public var tls: ListenerTLSConfiguration?
  /// The port of the https URLs that requests in clear are redirected to; nil: none are.
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

  /// As an operator names it outside of a configuration: `host:port`, `[::1]:port` or `unix:path`. nil where it is none
  /// of them, or names a host other than `localhost`.
  public init?(_ text: String) {
    if text.hasPrefix("unix:") {
      guard (6...112).contains(text.utf8.count) else { return nil }
      self = .unix(String(text.dropFirst(5)))
      return
    }
    guard let written = HostAndPort(text), let port = written.port,
      case .internet(let host, _) = SocketLocation(written.host, port: port)
    else { return nil }
    switch host {
    case .ipv4(let literal): self = .ipv4(literal, port: port)
    case .ipv6(let literal): self = .ipv6(literal, port: port)
    case .name: return nil
    }
  }

  /// Whether the system lets only one of the two be bound, as one of them is all addresses of its kind. Sockets of IPv6
  /// are bound for IPv6 alone.
  func overlaps(_ other: ListenAddress) -> Bool {
    switch (self, other) {
    case (.ipv4(let left, let port), .ipv4(let right, let otherPort)):
      port == otherPort && port != 0 && left != right && [left, right].contains("0.0.0.0")
    case (.ipv6(let left, let port), .ipv6(let right, let otherPort)):
      port == otherPort && port != 0 && left != right && [left, right].contains("::")
    default: false
    }
  }

  /// Whether the system chooses the port.
  var isAnyPort: Bool {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port == 0
    case .unix: false
    }
  }

  /// Whether who connects to `server` is certain to come to this listener: the address is the same, or one of loopback
  /// where it listens on all.
  func isReached(at server: ServerAddress) -> Bool {
    switch (self, server) {
    case (.unix(let own), .unix(let other)): return own == other
    case (.ipv4(let own, let port), .ipv4(let other, let otherPort)),
      (.ipv6(let own, let port), .ipv6(let other, let otherPort)):
      guard port == otherPort, !isAnyPort, let address = IPAddress(own) else { return false }
      return address == IPAddress(other)
        || (address == IPAddress("0.0.0.0") || address == IPAddress("::")) && IPLiteral.isLoopback(other)
    case (.unix, _), (.ipv4, _), (.ipv6, _): return false
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
