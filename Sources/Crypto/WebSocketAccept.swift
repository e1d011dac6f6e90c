internal import COpenSSL

/// What a server proves with that it has read a WebSocket handshake (RFC 6455 §4.2.2). SHA-1 is no secret's keeper here.
public enum WebSocketAccept {
  private static let suffix = [UInt8]("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

  /// The value of Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key.
  public static func value(forKey key: [UInt8]) throws(CryptoError) -> [UInt8] {
    let message = key + suffix
    var digest = [UInt8](repeating: 0, count: 20)
    var count: UInt32 = 0
    // SAFETY: a SHA-1 digest has 20 bytes.
    let isDone = unsafe message.withUnsafeBufferPointer { message in
      unsafe digest.withUnsafeMutableBufferPointer { digest in
        unsafe EVP_Digest(message.baseAddress, message.count, digest.baseAddress, &count, EVP_sha1(), nil)
      }
    }
    guard isDone == 1, count == 20 else { throw .failed("EVP_Digest") }
    // 28 characters, and the NUL that the call writes behind them.
    var text = [UInt8](repeating: 0, count: 29)
    // SAFETY: 20 bytes encode to 28 and a NUL.
    let length = unsafe digest.withUnsafeBufferPointer { digest in
      unsafe text.withUnsafeMutableBufferPointer { text in
        unsafe EVP_EncodeBlock(text.baseAddress, digest.baseAddress, 20)
      }
    }
    guard length == 28 else { throw .failed("EVP_EncodeBlock") }
    return Array(text.prefix(28))
  }
}
