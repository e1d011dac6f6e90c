import CSystem
import Glibc
import Synchronization

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

/// A socket that accepts connections.
@safe
public final class ListeningSocket: Sendable {
  /// Stays open as long as this object lives.
  public let descriptor: Int32
  /// As it is bound: with the port that the system chose where 0 was asked for.
  public let text: String
  /// The port that it is bound to; 0 for a unix domain socket.
  public let port: UInt16
  /// Where it is bound, whichever way that is written.
  public let place: SocketPlace
  /// Who made it.
  public let origin: Origin
  /// Of a unix domain socket.
  private let path: String?
  /// Whether the path goes with this process's last use of it.
  private let unlinks: Atomic<Bool>
  /// Connections may wait once this many fit; nil: it listens already.
  private let backlog: Int32?

  /// Who made it.
  public enum Origin: Character, Sendable {
    /// The gateway, maybe an earlier process of it.
    case gateway = "g"
    /// The service manager, which keeps it.
    case manager = "m"
  }

  /// Whether it is a unix domain socket.
  public var isUnix: Bool { path != nil }

  /// Binds and listens. Internet addresses are bound with SO_REUSEPORT, so that each loop has a queue of its own. A
  /// unix path is taken over only where nobody answers on it.
  ///
  /// - Parameters:
  ///   - backlog: Connections that may wait to be accepted.
  ///   - listensAtOnce: Else nobody can connect to it before `listen`.
  ///   - unixModeMax: The permissions that a unix path has at most, as `chmod` takes them, of those that the umask leaves;
  ///     nil: all of them.
  public init(
    _ address: SocketAddress, backlog: Int32, listensAtOnce: Bool = true, unixModeMax: UInt32? = nil
  ) throws(SystemError) {
    let number = csystem_stream_socket(address.family)
    guard number >= 0 else { throw .last("socket") }
    var path: String?
    do throws(SystemError) {
      if address.isUnix {
        path = String(address.text.dropFirst("unix:".count))
        if let path { try ListeningSocket.removeAbandoned(path, address) }
        // Linux makes the path with the socket's mode: it never has another, and the umask of all threads stays.
        if let unixModeMax, fchmod(number, unixModeMax) != 0 { throw .last("fchmod") }
      } else {
        try ListeningSocket.set(number, SOL_SOCKET, SO_REUSEADDR)
        try ListeningSocket.set(number, SOL_SOCKET, SO_REUSEPORT)
        try ListeningSocket.set(number, Int32(IPPROTO_TCP), TCP_NODELAY)
        if address.family == AF_INET6 { try ListeningSocket.set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
      }
      var storage = address.storage
      guard unsafe csystem_bind(number, &storage, address.length) == 0 else { throw .last("bind") }
      if listensAtOnce, Glibc.listen(number, backlog) != 0 { throw .last("listen") }
    } catch {
      Glibc.close(number)
      throw error
    }
    descriptor = number
    self.backlog = listensAtOnce ? nil : backlog
    self.path = path
    unlinks = Atomic(path != nil)
    origin = .gateway
    let place = SocketPlace(local: number) ?? address.place
    self.place = place
    port = place.port
    if address.isUnix {
      text = address.text
    } else {
      let host = address.text.lastIndex(of: ":").map { String(address.text[..<$0]) } ?? address.text
      text = "\(host):\(port)"
    }
  }

  /// Takes a socket that this process was started with, and which listens already. It is not closed where this throws.
  init(inheriting descriptor: Int32, origin: Origin) throws(SystemError) {
    guard csystem_close_on_exec(descriptor) == 0 else { throw .last("fcntl") }
    guard csystem_get_option(descriptor, SOL_SOCKET, SO_TYPE) == Int32(SOCK_STREAM.rawValue) else {
      throw SystemError(call: "SO_TYPE", code: ENOTSOCK)
    }
    guard csystem_get_option(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1 else {
      throw SystemError(call: "SO_ACCEPTCONN", code: EINVAL)
    }
    guard let place = SocketPlace(local: descriptor) else { throw SystemError(call: "getsockname", code: EAFNOSUPPORT) }
    // The manager's may block, and one loop of several would wait for what another has accepted.
    guard csystem_set_nonblocking(descriptor) == 0 else { throw .last("fcntl") }
    path = place.path
    if path == nil { _ = csystem_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
    self.descriptor = descriptor
    self.origin = origin
    self.place = place
    port = place.port
    text = place.description
    backlog = nil
    unlinks = Atomic(false)
  }

  /// Begins to listen, where that was put off.
  public func listen() throws(SystemError) {
    guard let backlog else { return }
    guard Glibc.listen(descriptor, backlog) == 0 else { throw .last("listen") }
  }

  /// Whether its path was deleted, so that nobody can connect to it any more. One of the service manager's is its own
  /// matter.
  public var isOutOfReach: Bool {
    guard let path, origin == .gateway else { return false }
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    return unsafe lstat(path, &status) != 0 && errno == ENOENT
  }

  /// Has the path of a unix domain socket removed when this process is done with it: it was taken over from another.
  public func ownPath() { if path != nil, origin == .gateway { unlinks.store(true, ordering: .relaxed) } }

  /// Leaves the path to the process that has taken the socket over.
  public func leavePath() { unlinks.store(false, ordering: .relaxed) }

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
    if let path, unlinks.load(ordering: .relaxed) { _ = unsafe unlink(path) }
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

  private static func isSocket(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: the call writes into `status` alone.
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }

  /// Removes a unix path that an earlier process left behind: only where connecting is refused.
  private static func removeAbandoned(_ path: String, _ address: SocketAddress) throws(SystemError) {
    do throws(SystemError) {
      _ = try Socket.connect(to: address)
      throw SystemError(call: "bind", code: EADDRINUSE)
    } catch {
      switch error.code {
      case ENOENT: return
      // So it is for a file that is no socket.
      case ECONNREFUSED where isSocket(path): _ = unsafe unlink(path)
      case EADDRINUSE: throw error
      // Anything else (EACCES, a file): bind will say it.
      default: return
      }
    }
  }
}
