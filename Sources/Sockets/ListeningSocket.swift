import CSystem
import Glibc

/// What one call of `accept` came to.
public enum Acceptance: ~Copyable {
  case connection(Socket, AddressText)
  /// Nobody waits.
  case none
  /// The connection was gone before it was accepted; there may be others.
  case aborted
  /// The process or the machine has no descriptor or no memory left.
  case exhausted(SystemError)
}

/// A socket that accepts connections. Shared by loops where it is a unix domain socket; else each loop has its own.
@safe
public final class ListeningSocket: @unchecked Sendable {
  public let descriptor: Int32
  /// As it is bound: with the port that the system chose where 0 was asked for.
  public let text: String
  /// The port that it is bound to; 0 for a unix domain socket.
  public let port: UInt16
  private let unlinks: String?

  /// Every loop accepts from this one socket: a unix path cannot be bound twice.
  public var isShared: Bool { unlinks != nil }

  /// Binds and listens. Internet addresses are bound with SO_REUSEPORT, so that each loop has a queue of its own. A
  /// unix path is taken over only where nobody answers on it.
  ///
  /// - Parameter backlog: Connections that may wait to be accepted.
  public init(_ address: SocketAddress, backlog: Int32) throws(SystemError) {
    let number = csystem_stream_socket(address.family)
    guard number >= 0 else { throw .last("socket") }
    var path: String?
    do throws(SystemError) {
      if address.isUnix {
        path = String(address.text.dropFirst("unix:".count))
        if let path { try ListeningSocket.removeAbandoned(path, address) }
      } else {
        try ListeningSocket.set(number, SOL_SOCKET, SO_REUSEADDR)
        try ListeningSocket.set(number, SOL_SOCKET, SO_REUSEPORT)
        try ListeningSocket.set(number, Int32(IPPROTO_TCP), TCP_NODELAY)
        if address.family == AF_INET6 { try ListeningSocket.set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
      }
      var storage = address.storage
      guard unsafe csystem_bind(number, &storage, address.length) == 0 else { throw .last("bind") }
      guard listen(number, backlog) == 0 else { throw .last("listen") }
    } catch {
      Glibc.close(number)
      throw error
    }
    descriptor = number
    unlinks = path
    if address.isUnix {
      text = address.text
      port = 0
    } else {
      var bound = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      // SAFETY: the system writes at most `length` bytes into `bound`.
      port = unsafe csystem_local_address(number, &bound, &length) == 0 ? unsafe csystem_port(&bound) : 0
      let host = address.text.lastIndex(of: ":").map { String(address.text[..<$0]) } ?? address.text
      text = "\(host):\(port)"
    }
  }

  /// Binds the address alone and lets it go: sockets with SO_REUSEPORT would share it with another process of this user,
  /// and each would get some of the connections.
  ///
  /// - Throws: Where someone listens on it.
  public static func ensureFree(_ address: SocketAddress) throws(SystemError) {
    guard !address.isUnix else { return }
    let probe = try Descriptor(csystem_stream_socket(address.family), call: "socket")
    try set(probe.number, SOL_SOCKET, SO_REUSEADDR)
    if address.family == AF_INET6 { try set(probe.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
    var storage = address.storage
    // SAFETY: `length` was computed by the system for this storage.
    guard unsafe csystem_bind(probe.number, &storage, address.length) == 0 else { throw .last("bind") }
  }

  deinit {
    Glibc.close(descriptor)
    if let unlinks { _ = unsafe unlink(unlinks) }
  }

  /// Takes one waiting connection.
  public func accept() -> Acceptance {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // SAFETY: the system writes at most `length` bytes into `storage`.
    let number = unsafe csystem_accept(descriptor, &storage, &length)
    guard number < 0 else { return .connection(Socket(owning: number), AddressText(storage)) }
    switch errno {
    case EAGAIN: return .none
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(.last("accept4"))
    default: return .aborted
    }
  }

  private static func set(_ number: Int32, _ level: Int32, _ option: Int32) throws(SystemError) {
    guard csystem_set_option(number, level, option, 1) == 0 else { throw .last("setsockopt") }
  }

  /// Removes a unix path that an earlier process left behind: only where connecting is refused.
  private static func removeAbandoned(_ path: String, _ address: SocketAddress) throws(SystemError) {
    do throws(SystemError) {
      _ = try Socket.connect(to: address)
      throw SystemError(call: "bind", code: EADDRINUSE)
    } catch {
      switch error.code {
      case ENOENT: return
      case ECONNREFUSED: _ = unsafe unlink(path)
      case EADDRINUSE: throw error
      // Anything else (EACCES, ENOTSOCK): bind will say it.
      default: return
      }
    }
  }
}
