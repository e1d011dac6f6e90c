internal import COpenSSL
import Glibc
public import Sockets

/// What a step of a handshake came to.
public enum HandshakeStep: Equatable, Sendable {
  case done
  /// The loop will say when to go on.
  case wouldBlock
  /// A client has gone, without having sent anything: whoever looks whether the port is open does that.
  case left
  /// Why there will be no connection: a few words of OpenSSL's, in snake case, and nothing that the peer has said.
  case failed(String)
}

/// TLS on a nonblocking socket, on either side.
///
/// It reads and writes the socket's descriptor itself.
/// Registered edge-triggered: after each event what did not go on is tried again.
@safe
public struct TLSSession: ~Copyable {
  /// The side, and what OpenSSL calls back.
  private enum Side {
    case server(TLSContext)
    case client(TLSClientContext, ResumableSessions)
  }

  private let ssl: OpaquePointer
  private let side: Side
  private var isEstablished = false
  /// OpenSSL must not be called any more for what it sends.
  private var isBroken = false
  private var isEnded = false
  /// The last read has to write first, and goes on once there is room (RFC 8446 §4.6.3).
  public private(set) var readWantsRoom = false
  /// The last write has to read first.
  public private(set) var writeWantsInput = false
  /// A read failed as the peer closed the connection without saying that it would (close_notify): whatever does not say
  /// where it ends may have been cut. On a client's side; a server's reads an end.
  public private(set) var isCut = false
  /// Why a read or a write failed, where it was TLS that failed, and not the connection below: as `HandshakeStep` says
  /// it. A server that does not believe a client of TLS 1.3 says so only after the client's handshake.
  public private(set) var failure: String?

  /// A server's side.
  ///
  /// - Parameter socket: Stays its owner's, and outlives this.
  public init(_ context: TLSContext, on socket: borrowing Socket) throws(TLSFault) {
    unsafe ssl = try TLSSession.connection(context.first, socket)
    unsafe SSL_set_accept_state(ssl)
    side = .server(context)
  }

  /// A client's side.
  ///
  /// - Parameters:
  ///   - host: What the server's certificate has to be for: a name, or an IP address without brackets. A name is told
  ///     to the server (RFC 6066 §3).
  ///   - sessions: What it goes on with, and adds to: of this host and context alone.
  ///   - socket: Stays its owner's, and outlives this.
  public init(
    _ context: TLSClientContext, to host: String, _ sessions: ResumableSessions, on socket: borrowing Socket
  ) throws(TLSFault) {
    let ssl = unsafe try TLSSession.connection(context.context, socket)
    unsafe SSL_set_connect_state(ssl)
    guard unsafe TLSSession.verify(ssl, isFor: host), unsafe sessions.collect(from: ssl) else {
      unsafe SSL_free(ssl)
      throw .failed("SSL_set1_host")
    }
    unsafe sessions.resume(in: ssl)
    unsafe self.ssl = ssl
    side = .client(context, sessions)
  }

  /// Has `ssl` refuse a certificate that is not for `host` (SECURITY U-7). The common name says nothing (RFC 9525 §2),
  /// and `*` is a whole label (§6.3).
  @unsafe
  private static func verify(_ ssl: OpaquePointer, isFor host: String) -> Bool {
    unsafe SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 { return true }
    ERR_clear_error()
    return unsafe SSL_set1_host(ssl, host) == 1 && portcullis_ssl_name_host(ssl, host) == 1
  }

  @unsafe
  private static func connection(_ context: SSLContext, _ socket: borrowing Socket) throws(TLSFault) -> OpaquePointer {
    ERR_clear_error()
    guard let ssl = unsafe SSL_new(context.pointer) else { throw .failed("SSL_new") }
    guard unsafe SSL_set_fd(ssl, socket.descriptor) == 1 else {
      unsafe SSL_free(ssl)
      throw .failed("SSL_set_fd")
    }
    return unsafe ssl
  }

  deinit {
    // Else OpenSSL forbids to go on with the session, which TLS has not asked for since 1.1 (RFC 4346 §7.2.1).
    if isEstablished { unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
    unsafe SSL_free(ssl)
  }

  // MARK: The handshake

  /// Goes on with the handshake as far as it can. Not after it is done, has failed, or the client has left.
  ///
  /// A client's is done where the server's certificate was verified, and not before.
  public mutating func handshake() -> HandshakeStep {
    ERR_clear_error()
    let result = unsafe SSL_do_handshake(ssl)
    if result == 1 {
      if case .client = side, !speaksHTTP {
        isBroken = true
        return .failed("no_application_protocol")
      }
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
    if case .server = side, unsafe portcullis_ssl_bytes_received(ssl) == 0 { return .left }
    return .failed(unsafe TLSFailure.text(ssl))
  }

  /// The certificate that the client was shown; nil on a client's side.
  public var servedCertificate: ServerCertificate? {
    switch side {
    case .server(let context): unsafe context.certificate(of: SSL_get_SSL_CTX(ssl))
    case .client: nil
    }
  }

  /// Whether the server has agreed on `http/1.1`, or on nothing (RFC 7301). OpenSSL 3.0 lets it choose what was not
  /// offered.
  private var speaksHTTP: Bool {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &name, &count)
    guard let name = unsafe name, count > 0 else { return true }
    // SAFETY: OpenSSL says how many bytes stand there.
    return unsafe UnsafeBufferPointer(start: name, count: Int(count)).elementsEqual("http/1.1".utf8)
  }

  /// Whether an earlier session goes on.
  var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

  /// The SHA-256 digest of the client's certificate, which was verified; nil where it has shown none.
  public var clientCertificateThumbprint: [UInt8]? {
    guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return nil }
    var digest = [UInt8](repeating: 0, count: 32)
    let isDone = unsafe digest.withUnsafeMutableBufferPointer { digest in
      unsafe X509_digest(certificate, EVP_sha256(), digest.baseAddress, nil)
    }
    return isDone == 1 ? digest : nil
  }

  /// The certificate that the client has shown, and that was verified; nil where it has shown none, or none that can be
  /// read.
  public var clientCertificate: ClientCertificate? {
    guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return nil }
    return unsafe ClientCertificate(certificate)
  }

  // MARK: Data

  /// Appends to `buffer` what has arrived, at most its `writableCount`, which must not be 0. A short read says nothing
  /// of what is left; `wouldBlock` does.
  public mutating func read(into buffer: inout Buffer) -> IOResult {
    precondition(buffer.writableCount > 0)
    ERR_clear_error()
    // An end without close_notify may leave it as it was.
    errno = 0
    readWantsRoom = false
    var count = 0
    var result: Int32 = 0
    unsafe buffer.fill { room in
      // SAFETY: OpenSSL is given the true size of the room.
      unsafe result = SSL_read_ex(ssl, room.baseAddress, room.count, &count)
      return result == 1 ? count : 0
    }
    if result == 1 {
      unsafe portcullis_ssl_forget_messages(ssl)
      return .bytes(count)
    }
    let code = errno
    if unsafe portcullis_ssl_is_flooded(ssl) == 1 { return fail() }
    switch unsafe SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .wouldBlock
    case SSL_ERROR_WANT_WRITE:
      readWantsRoom = true
      return .wouldBlock
    case SSL_ERROR_ZERO_RETURN: return .end
    case SSL_ERROR_SYSCALL:
      isBroken = true
      // Only a server may take an end without close_notify for one.
      if case .server = side, code == 0 { return .end }
      return .failed(code == 0 ? ECONNRESET : code)
    default: return fail()
    }
  }

  /// Sends the readable bytes `lower..<upper` of `buffer`, without consuming them.
  ///
  /// After `wouldBlock` they are to be sent again before any others: they may be encrypted already.
  public mutating func write(_ buffer: borrowing Buffer, from lower: Int, to upper: Int) -> IOResult {
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
      default: return fail()
      }
    }
    return .bytes(sent)
  }

  private mutating func fail() -> IOResult {
    isBroken = true
    if unsafe portcullis_ssl_is_flooded(ssl) == 1 {
      failure = "too_many_messages"
    } else if portcullis_error_reason(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING {
      isCut = true
    } else if failure == nil {
      failure = unsafe TLSFailure.text(ssl)
    }
    return .failed(EPROTO)
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
