import CSystem

/// Where a socket listens or connects to.
@safe
public struct SocketAddress: Sendable {
  var storage: sockaddr_storage
  var length: socklen_t
  /// As an operator writes it: `127.0.0.1:80`, `[::1]:80`, `unix:/run/a.sock`.
  public let text: String

  /// An IPv4 literal; nil where `literal` is none.
  public init?(ipv4 literal: String, port: UInt16) {
    self.init(family: AF_INET, literal: literal, port: port, text: "\(literal):\(port)")
  }

  /// An IPv6 literal without brackets; nil where `literal` is none.
  public init?(ipv6 literal: String, port: UInt16) {
    self.init(family: AF_INET6, literal: literal, port: port, text: "[\(literal)]:\(port)")
  }

  /// A unix domain socket's path; nil where it is empty or longer than the system allows (107 bytes).
  public init?(unix path: String) {
    storage = sockaddr_storage()
    // SAFETY: the string is NUL-terminated for the call, which writes only into `storage`.
    length = unsafe csystem_unix_address(path, &storage)
    text = "unix:\(path)"
    if length == 0 { return nil }
  }

  private init?(family: Int32, literal: String, port: UInt16, text: String) {
    storage = sockaddr_storage()
    length = unsafe csystem_internet_address(family, literal, port, &storage)
    self.text = text
    if length == 0 { return nil }
  }

  init(storage: sockaddr_storage, length: socklen_t, text: String) {
    self.storage = storage
    self.length = length
    self.text = text
  }

  /// Whether it is a unix domain socket's path.
  public var isUnix: Bool { storage.ss_family == sa_family_t(AF_UNIX) }
  var family: Int32 { Int32(storage.ss_family) }
}

/// The text of a peer's IP address, without a port, kept without an allocation. Empty for a unix domain socket.
@safe
public struct AddressText: Sendable {
  private var bytes: InlineArray<46, UInt8>
  /// Bytes of the text: at most 45, and 0 for a unix domain socket.
  public private(set) var count: Int

  /// Of nobody.
  public init() {
    bytes = InlineArray(repeating: 0)
    count = 0
  }

  /// An address as text; of nobody where it is longer than any (45 bytes).
  public init(_ text: String) {
    self.init()
    let text = text.utf8
    guard text.count < 46 else { return }
    for (index, byte) in text.enumerated() { bytes[index] = byte }
    count = text.count
  }

  init(_ storage: sockaddr_storage) {
    bytes = InlineArray(repeating: 0)
    var address = storage
    var text = InlineArray<46, CChar>(repeating: 0)
    var length: Int32 = 0
    // SAFETY: 46 bytes is INET6_ADDRSTRLEN; the call is given the true size.
    var span = text.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { length = unsafe csystem_address_text(&address, base, buffer.count) }
    }
    count = Int(length)
    for index in 0..<count { bytes[index] = UInt8(bitPattern: text[index]) }
  }

  /// The same as a string, which is a copy.
  public var text: String { withBytes { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) } }

  /// Calls `body` with the text's bytes.
  @inline(__always)
  public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    body(bytes.span.extracting(0..<count))
  }
}
