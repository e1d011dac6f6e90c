import CSystem
import Glibc

/// Where a socket is bound, for comparison: the same place is equal however it was written.
public struct SocketPlace: Hashable, Sendable, CustomStringConvertible {
  /// A canonical IPv4 literal, an IPv6 one in brackets, or `unix:` and a path.
  public let host: String
  /// 0 for a unix domain socket.
  public let port: UInt16

  /// Of a unix domain socket.
  public var path: String? { host.hasPrefix("unix:") ? String(host.dropFirst("unix:".count)) : nil }

  /// The host and the port with a colon between; of a unix domain socket, `unix:` and the path.
  public var description: String { path == nil ? "\(host):\(port)" : host }

  /// Of the socket's own end; nil where it is of no family that is known here.
  init?(local descriptor: Int32) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // SAFETY: the system writes at most `length` bytes into `storage`.
    guard unsafe csystem_local_address(descriptor, &storage, &length) == 0 else { return nil }
    self.init(storage, length)
  }

  init?(_ storage: sockaddr_storage, _ length: socklen_t) {
    var storage = storage
    switch Int32(storage.ss_family) {
    case AF_INET, AF_INET6:
      let literal = AddressText(storage).text
      host = Int32(storage.ss_family) == AF_INET6 ? "[\(literal)]" : literal
      port = unsafe csystem_port(&storage)
    case AF_UNIX:
      var bytes = [CChar](repeating: 0, count: 128)
      // SAFETY: a path has at most 108 bytes.
      let count = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
        unsafe csystem_unix_path(&storage, length, buffer.baseAddress)
      }
      host = "unix:" + String(decoding: bytes.prefix(Int(count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
      port = 0
    default: return nil
    }
  }
}

extension SocketAddress {
  /// Where a socket with this address is bound.
  public var place: SocketPlace {
    // Every family that an address has is known.
    SocketPlace(storage, length) ?? SocketPlace(unknown: text)
  }
}

extension SocketPlace {
  fileprivate init(unknown text: String) {
    host = text
    port = 0
  }
}
