import COpenSSL
import Sockets

@testable import TLS

/// What a client can do and wants.
struct ClientSettings {
  var trusts: CertificateMaker?
  var shows: CertificateMaker?
  var serverName: String? = "a.example"
  var protocols: [String] = []
  var versions = TLS1_2_VERSION...TLS1_3_VERSION
  var ciphers: String?
}

/// A client of OpenSSL's own, which remembers its session from one connection to the next.
@safe
final class Client {
  fileprivate let context: OpaquePointer
  private let settings: ClientSettings
  /// Of the last connection that has ended.
  private var session: OpaquePointer?

  init(_ settings: ClientSettings) throws {
    Process.ignore(signal: 13)
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw MakingFailed() }
    unsafe self.context = context
    self.settings = settings
    unsafe session = nil
    unsafe SSL_CTX_set_security_level(context, 0)
    unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(settings.versions.lowerBound), nil)
    unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(settings.versions.upperBound), nil)
    if let ciphers = settings.ciphers { unsafe SSL_CTX_set_cipher_list(context, ciphers) }
    if let authority = settings.trusts {
      unsafe authority.trust(from: context)
      unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }
    if let shown = settings.shows { unsafe shown.show(from: context) }
  }

  deinit {
    unsafe SSL_SESSION_free(session)
    unsafe SSL_CTX_free(context)
  }

  fileprivate func connection(_ socket: borrowing Socket) throws -> OpaquePointer {
    guard let ssl = unsafe SSL_new(context), unsafe SSL_set_fd(ssl, socket.descriptor) == 1 else {
      throw MakingFailed()
    }
    unsafe SSL_set_connect_state(ssl)
    if let name = settings.serverName {
      _ = unsafe name.withCString { name in
        unsafe SSL_ctrl(
          ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), UnsafeMutableRawPointer(mutating: name))
      }
      unsafe SSL_set1_host(ssl, name)
    }
    let offered = settings.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    if !offered.isEmpty { unsafe SSL_set_alpn_protos(ssl, offered, UInt32(offered.count)) }
    if let session = unsafe session { unsafe SSL_set_session(ssl, session) }
    return unsafe ssl
  }

  fileprivate func remember(_ ssl: OpaquePointer) {
    unsafe SSL_SESSION_free(session)
    unsafe session = unsafe SSL_get1_session(ssl)
  }
}

/// A client and a server on the two ends of a socket pair.
@safe
final class Pair {
  private var server: TLSSession
  private var serverSocket: Socket
  private var clientSocket: Socket
  private let ssl: OpaquePointer
  private let client: Client

  init(_ context: TLSContext, _ client: Client) throws {
    var far: Socket?
    let near = try Socket.pair().giveFar { socket in far = consume socket }
    guard let clientSocket = far.take() else { throw MakingFailed() }
    server = try TLSSession(context, on: near)
    serverSocket = consume near
    unsafe ssl = try client.connection(clientSocket)
    self.clientSocket = consume clientSocket
    self.client = client
  }

  deinit { unsafe SSL_free(ssl) }

  /// Drives both sides until the server is done, or has failed.
  func handshake() -> HandshakeStep {
    for _ in 0..<20 {
      unsafe SSL_do_handshake(ssl)
      let step = server.handshake()
      if step != .wouldBlock {
        unsafe SSL_do_handshake(ssl)
        return step
      }
    }
    return .wouldBlock
  }

  func serverHandshake() -> HandshakeStep { server.handshake() }
  func serverEnds() -> Bool { server.end() }
  var serverIsResumed: Bool { server.isResumed }
  var serverSeesThumbprint: [UInt8]? { server.clientCertificateThumbprint }
  func serverShowsCertificate(for host: String) -> Bool { server.servedCertificate?.names.covers(host) == true }

  var clientIsConnected: Bool { unsafe SSL_is_init_finished(ssl) == 1 }
  var version: Int32 { unsafe SSL_version(ssl) }
  var cipher: String { unsafe String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))) }
  var alpn: String {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &name, &count)
    guard let name = unsafe name else { return "" }
    return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }
  /// The digest of the certificate that the client was shown.
  var shownThumbprint: [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    if let certificate = unsafe SSL_get0_peer_certificate(ssl) {
      unsafe X509_digest(certificate, EVP_sha256(), &digest, nil)
    }
    return digest
  }

  func clientWrites(_ bytes: [UInt8]) -> Int {
    var count = 0
    ERR_clear_error()
    return unsafe SSL_write_ex(ssl, bytes, bytes.count, &count) == 1 ? count : 0
  }

  /// What the client reads, up to `most` bytes; empty where there is nothing.
  func clientReads(_ most: Int = 65_536) -> [UInt8] {
    var all: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 16_384)
    var count = 0
    ERR_clear_error()
    while all.count < most, unsafe SSL_read_ex(ssl, &bytes, min(bytes.count, most - all.count), &count) == 1 {
      all += bytes[..<count]
    }
    return all
  }

  func clientUpdatesKeys() -> Bool { unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 }
  func clientRenegotiates() -> Bool { unsafe SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1 }
  func clientEnds() { unsafe SSL_shutdown(ssl) }
  var clientSeesEnd: Bool {
    _ = clientReads()
    return unsafe SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0
  }
  func clientCloses() { clientSocket.close() }
  func clientSendsPlain(_ text: String) {
    var buffer = Buffer(capacity: 4096)
    buffer.append(Array(text.utf8))
    _ = clientSocket.write(&buffer)
  }

  /// Has the client remember its session, with the tickets that it has got.
  func clientRemembers() {
    _ = clientReads()
    unsafe client.remember(ssl)
    // A session whose connection did not end well is not used again.
    unsafe SSL_shutdown(ssl)
  }
  var clientIsResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

  func serverReads(capacity: Int = 32_768) -> (IOResult, [UInt8]) {
    var buffer = Buffer(capacity: capacity)
    let result = server.read(into: &buffer)
    return (result, buffer.withReadable { bytes in bytes.indices.map { bytes[$0] } })
  }

  func serverWrites(_ bytes: [UInt8], from lower: Int = 0) -> IOResult {
    var buffer = Buffer(capacity: bytes.count)
    buffer.append(bytes)
    return server.write(buffer, from: lower, to: bytes.count)
  }
}

extension CertificateNames {
  func covers(_ host: String) -> Bool {
    let bytes = Array(host.utf8)
    return cover(bytes.span)
  }
}

extension TicketKeys {
  func opening(_ name: [UInt8], now: MonotonicTime) -> (key: Key, isCurrent: Bool)? { opening(name.span, now: now) }
}
