internal import COpenSSL
import Glibc
public import Sockets

/// What a step of a handshake came to.
public enum HandshakeStep: Equatable, Sendable {
  case done
  /// The loop will say when to go on.
  case wouldBlock
  /// The client has gone, without having sent anything: whoever looks whether the port is open does that.
  case left
  /// Why there will be no connection: a few words of OpenSSL's, in snake case, and nothing that the peer has said.
  case failed(String)
}

/// TLS on a nonblocking socket, on the server's side.
///
/// It reads and writes the socket's descriptor itself.
/// Registered edge-triggered: after each event what did not go on is tried again.
@safe
public struct TLSSession: ~Copyable {
  private let ssl: OpaquePointer
  /// OpenSSL calls it back.
  private let context: TLSContext
  private var isEstablished = false
  /// OpenSSL must not be called any more for what it sends.
  private var isBroken = false
  private var isEnded = false
  /// The last read has to write first, and goes on once there is room (RFC 8446 §4.6.3).
  public private(set) var readWantsRoom = false
  /// The last write has to read first.
  public private(set) var writeWantsInput = false

  /// - Parameter socket: Stays its owner's, and outlives this.
  public init(_ context: TLSContext, on socket: borrowing Socket) throws(TLSFault) {
    ERR_clear_error()
    guard let ssl = unsafe SSL_new(context.first.pointer) else { throw .failed("SSL_new") }
    guard unsafe SSL_set_fd(ssl, socket.descriptor) == 1 else {
      unsafe SSL_free(ssl)
      throw .failed("SSL_set_fd")
    }
    unsafe SSL_set_accept_state(ssl)
    unsafe self.ssl = ssl
    self.context = context
  }

  deinit { unsafe SSL_free(ssl) }

  // MARK: The handshake

  /// Goes on with the handshake as far as it can. Not after it is done, has failed, or the client has left.
  public mutating func handshake() -> HandshakeStep {
    ERR_clear_error()
    let result = unsafe SSL_do_handshake(ssl)
    if result == 1 {
      isEstablished = true
      // With it one call brings several records.
      unsafe SSL_set_read_ahead(ssl, 1)
      return .done
    }
    switch unsafe SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
    default: break
    }
    isBroken = true
    if unsafe portcullis_ssl_bytes_received(ssl) == 0 { return .left }
    return .failed(unsafe TLSFailure.text(ssl))
  }

  /// The certificate that the client was shown.
  public var servedCertificate: ServerCertificate { unsafe context.certificate(of: SSL_get_SSL_CTX(ssl)) }

  /// Whether an earlier session goes on.
  public var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

  /// The SHA-256 digest of the client's certificate, which was verified; nil where it has shown none.
  public var clientCertificateThumbprint: [UInt8]? {
    guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return nil }
    var digest = [UInt8](repeating: 0, count: 32)
    let isDone = unsafe digest.withUnsafeMutableBufferPointer { digest in
      unsafe X509_digest(certificate, EVP_sha256(), digest.baseAddress, nil)
    }
    return isDone == 1 ? digest : nil
  }

  // MARK: Data

  /// Appends to `buffer` what has arrived, at most its `writableCount`, which must not be 0. A short read says nothing
  /// of what is left; `wouldBlock` does.
  public mutating func read(into buffer: inout Buffer) -> Transfer {
    precondition(buffer.writableCount > 0)
    ERR_clear_error()
    readWantsRoom = false
    var count = 0
    var result: Int32 = 0
    unsafe buffer.fill { room in
      // SAFETY: OpenSSL is given the true size of the room.
      unsafe result = SSL_read_ex(ssl, room.baseAddress, room.count, &count)
      return result == 1 ? count : 0
    }
    if result == 1 {
      unsafe portcullis_ssl_forget_key_updates(ssl)
      return .bytes(count)
    }
    let code = errno
    switch unsafe SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .wouldBlock
    case SSL_ERROR_WANT_WRITE:
      readWantsRoom = true
      return .wouldBlock
    case SSL_ERROR_ZERO_RETURN: return .end
    case SSL_ERROR_SYSCALL:
      isBroken = true
      return code == 0 ? .end : .failed(code)
    default:
      isBroken = true
      return .failed(EPROTO)
    }
  }

  /// Sends the readable bytes `lower..<upper` of `buffer`, without consuming them.
  ///
  /// After `wouldBlock` they are to be sent again before any others: they may be encrypted already.
  public mutating func write(_ buffer: borrowing Buffer, from lower: Int, to upper: Int) -> Transfer {
    precondition(lower >= 0 && lower < upper && upper <= buffer.count)
    writeWantsInput = false
    var sent = 0
    while sent < upper - lower {
      ERR_clear_error()
      var count = 0
      let result = buffer.withReadable { bytes in
        unsafe bytes.extracting(lower + sent..<upper).withUnsafeBytes { raw in
          unsafe SSL_write_ex(ssl, raw.baseAddress, raw.count, &count)
        }
      }
      if result == 1 {
        sent += count
        continue
      }
      let code = errno
      let error = unsafe SSL_get_error(ssl, result)
      switch error {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
        writeWantsInput = error == SSL_ERROR_WANT_READ
        // What was sent is said first; the next call finds the same.
        return sent > 0 ? .bytes(sent) : .wouldBlock
      case SSL_ERROR_SYSCALL:
        isBroken = true
        return .failed(code == 0 ? ECONNRESET : code)
      default:
        isBroken = true
        return .failed(EPROTO)
      }
    }
    return .bytes(sent)
  }

  /// Says that nothing more will be sent (close_notify, RFC 8446 §6.1); after everything else was.
  ///
  /// - Returns: false where there is no room for it now: to be called again.
  public mutating func end() -> Bool {
    guard isEstablished, !isBroken, !isEnded else { return true }
    ERR_clear_error()
    let result = unsafe SSL_shutdown(ssl)
    if result >= 0 {
      isEnded = true
      return true
    }
    if unsafe SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE { return false }
    isBroken = true
    return true
  }
}
