import Dispatch
import Glibc

/// Listens on a loopback port. Blocks the threads that it has: for tests alone.
public final class LoopbackListener: Sendable {
  /// The port that it listens on, chosen by the system.
  public let port: UInt16
  private let descriptor: Int32

  /// Listens on 127.0.0.1 from now on.
  public init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // SAFETY: the calls read and write inside the address, which is borrowed exclusively for them.
    let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(descriptor, address, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, address, &length) == 0
      }
    }
    guard isListening else { throw Failed() }
    port = UInt16(bigEndian: address.sin_port)
    self.descriptor = descriptor
    signal(SIGPIPE, SIG_IGN)
  }

  /// Accepts connections until `stop`, on a thread of its own.
  ///
  /// - Parameter body: Closes the descriptor that it is given; the next connection is accepted when it returns.
  public func forEachConnection(_ body: @escaping @Sendable (Int32) -> Void) {
    DispatchQueue(label: "listens").async { [descriptor] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        body(connection)
      }
    }
  }

  /// Ends listening.
  public func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  struct Failed: Error {}
}
