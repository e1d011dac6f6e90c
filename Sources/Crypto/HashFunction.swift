internal import COpenSSL

/// A hash function of the JWS algorithms (RFC 7518 §3.1).
public enum HashFunction: Sendable, Hashable, CaseIterable {
  case sha256, sha384, sha512

  /// Bytes of a digest.
  public var digestBytes: Int {
    switch self {
    case .sha256: 32
    case .sha384: 48
    case .sha512: 64
    }
  }

  /// The digest of `message`.
  public func digest(of message: Span<UInt8>) throws(CryptoError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: digestBytes)
    var count: UInt32 = 0
    let isDone = unsafe message.withUnsafeBufferPointer { message in
      unsafe digest.withUnsafeMutableBufferPointer { digest in
        unsafe EVP_Digest(message.baseAddress, message.count, digest.baseAddress, &count, evp, nil)
      }
    }
    guard isDone == 1, Int(count) == digestBytes else { throw .failed("EVP_Digest") }
    return digest
  }

  /// OpenSSL's description of it: static, never freed.
  var evp: OpaquePointer? {
    switch self {
    case .sha256: unsafe EVP_sha256()
    case .sha384: unsafe EVP_sha384()
    case .sha512: unsafe EVP_sha512()
    }
  }
}
