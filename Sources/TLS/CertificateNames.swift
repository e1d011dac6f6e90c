internal import COpenSSL
import Glibc

/// The hosts that a certificate is for: its subject alternative names (RFC 5280 §4.2.1.6, RFC 9525 §6).
///
/// A wildcard stands for one label, and for nothing else (RFC 9525 §6.3). The subject's common name says nothing (§2).
@safe
public struct CertificateNames: Sendable, Equatable {
  /// In lower case.
  private var exact: [[UInt8]] = []
  /// What stands behind the `*` of a wildcard, the dot included.
  private var suffixes: [[UInt8]] = []
  /// 4 or 16 bytes each.
  private var addresses: [[UInt8]] = []

  /// - Parameters:
  ///   - names: DNS names, `*.` first where they are wildcards.
  ///   - addresses: 4 bytes for IPv4, 16 for IPv6.
  public init(names: [String], addresses: [[UInt8]] = []) {
    for name in names { add(dns: Array(name.utf8)) }
    self.addresses = addresses
  }

  init(of certificate: borrowing X509Certificate) {
    let extensionValue = unsafe X509_get_ext_d2i(certificate.pointer, NID_subject_alt_name, nil, nil)
    guard let extensionValue = unsafe extensionValue else { return }
    let names = OpaquePointer(extensionValue)
    defer { unsafe portcullis_names_free(names) }
    for index in 0..<(unsafe portcullis_name_count(names)) {
      var start: UnsafePointer<UInt8>?
      var count: Int32 = 0
      let kind = unsafe portcullis_name_at(names, index, &start, &count)
      guard let start = unsafe start, count > 0 else { continue }
      // SAFETY: OpenSSL says how many bytes stand there; they are copied.
      let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: Int(count)))
      if kind == GEN_DNS { add(dns: bytes) }
      if kind == GEN_IPADD { addresses.append(bytes) }
    }
  }

  private mutating func add(dns bytes: [UInt8]) {
    var name = bytes.map(CertificateNames.lowered)
    if name.last == UInt8(ascii: ".") { name.removeLast() }
    if name.starts(with: [UInt8(ascii: "*"), UInt8(ascii: ".")]) {
      suffixes.append(Array(name.dropFirst()))
    } else if !name.isEmpty, !name.contains(UInt8(ascii: "*")) {
      exact.append(name)
    }
  }

  /// Whether the certificate is for no host.
  public var isEmpty: Bool { exact.isEmpty && suffixes.isEmpty && addresses.isEmpty }

  enum Match { case none, wildcard, exact }

  /// Whether the certificate is for `host`.
  ///
  /// - Parameter host: A name, an IPv4 literal, or an IPv6 literal in brackets; in any case, without a port.
  public func cover(_ host: Span<UInt8>) -> Bool { match(host) != .none }

  func match(_ host: Span<UInt8>) -> Match {
    var count = host.count
    if count > 1, host[count - 1] == UInt8(ascii: ".") { count -= 1 }
    guard count > 0 else { return .none }
    for name in exact where CertificateNames.isSame(host, 0, count, name) { return .exact }
    if !addresses.isEmpty, coversAddress(host.extracting(0..<count)) { return .exact }
    if suffixes.isEmpty { return .none }
    var dot = 0
    while dot < count, host[dot] != UInt8(ascii: ".") { dot += 1 }
    guard dot > 0, dot < count else { return .none }
    for suffix in suffixes where CertificateNames.isSame(host, dot, count, suffix) { return .wildcard }
    return .none
  }

  private static func isSame(_ host: Span<UInt8>, _ start: Int, _ end: Int, _ name: [UInt8]) -> Bool {
    guard end - start == name.count else { return false }
    for offset in name.indices where lowered(host[start + offset]) != name[offset] { return false }
    return true
  }

  private static func lowered(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

  private func coversAddress(_ host: Span<UInt8>) -> Bool {
    var text = InlineArray<48, CChar>(repeating: 0)
    let isBracketed = host[0] == UInt8(ascii: "[") && host[host.count - 1] == UInt8(ascii: "]")
    let start = isBracketed ? 1 : 0
    let end = isBracketed ? host.count - 1 : host.count
    guard end > start, end - start < 48 else { return false }
    for index in start..<end { text[index - start] = CChar(bitPattern: host[index]) }
    var parsed = InlineArray<16, UInt8>(repeating: 0)
    let family = isBracketed ? AF_INET6 : AF_INET
    let source = text.span
    var target = parsed.mutableSpan
    // SAFETY: the text is NUL-terminated, as it is shorter than its place; 16 bytes hold an address of either family.
    let isAddress = unsafe source.withUnsafeBufferPointer { source in
      unsafe target.withUnsafeMutableBufferPointer { target in
        guard let text = source.baseAddress else { return false }
        return unsafe inet_pton(family, text, target.baseAddress) == 1
      }
    }
    guard isAddress else { return false }
    let bytes = isBracketed ? 16 : 4
    for address in addresses where address.count == bytes {
      var isSame = true
      for index in 0..<bytes where address[index] != parsed[index] { isSame = false }
      if isSame { return true }
    }
    return false
  }
}
