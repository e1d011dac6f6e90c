import CSystem
import Glibc

/// Names of hosts as the system resolves them: `/etc/hosts`, DNS, or whatever nsswitch.conf(5) says.
public enum NameLookup {
  /// Addresses that one name may have; further ones are left out.
  private static let addressesMax = 64
  /// Answers that are looked at: whichever order they come in, the same ones are taken.
  private static let answersMax = 1024

  /// The IPv4 and IPv6 addresses of `name` with `port`, each once, in an order of their own: that of the answers, which
  /// servers of names rotate, says nothing.
  ///
  /// Blocks, for as long as resolv.conf(5) allows: for a queue of its own.
  public static func addresses(of name: String, port: UInt16) throws(NameLookupError) -> [SocketAddress] {
    var storages = [sockaddr_storage](repeating: sockaddr_storage(), count: answersMax)
    var lengths = [socklen_t](repeating: 0, count: answersMax)
    var error: Int32 = 0
    // SAFETY: the call writes at most `answersMax` elements of both arrays, which are borrowed exclusively.
    let count = unsafe storages.withUnsafeMutableBufferPointer { storages in
      unsafe lengths.withUnsafeMutableBufferPointer { lengths in
        unsafe csystem_lookup(name, port, storages.baseAddress, lengths.baseAddress, Int32(answersMax), &error)
      }
    }
    guard count > 0 else { throw NameLookupError(code: error) }
    var addresses: [String: SocketAddress] = [:]
    for index in 0..<Int(count) {
      let address = SocketAddress(storages[index], length: lengths[index], port: port)
      addresses[address.text] = address
    }
    return Array(addresses.values.sorted { $0.text < $1.text }.prefix(addressesMax))
  }
}

/// Why a name has no addresses.
public struct NameLookupError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Of getaddrinfo(3).
  public let code: Int32

  /// - Parameter code: Of getaddrinfo(3): one of `EAI_AGAIN`, `EAI_NONAME` and so on.
  public init(code: Int32) { self.code = code }

  /// In words, as gai_strerror(3) has them.
  public var description: String {
    guard let text = unsafe csystem_lookup_error_text(code) else { return "error \(code)" }
    // SAFETY: NUL-terminated, and as long-lived as the process.
    return unsafe String(cString: text)
  }
}

extension SocketAddress {
  fileprivate init(_ storage: sockaddr_storage, length: socklen_t, port: UInt16) {
    let literal = AddressText(storage).text
    let text = storage.ss_family == sa_family_t(AF_INET6) ? "[\(literal)]:\(port)" : "\(literal):\(port)"
    self.init(storage: storage, length: length, text: text)
  }
}
