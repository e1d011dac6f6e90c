internal import COpenSSL
import Glibc

/// What OpenSSL asks during a handshake.
enum TLSCallbacks {
  /// Shows the certificate of the host that the client names (RFC 6066 §3).
  static let serverName:
    @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32 = {
      ssl, _, argument in
      guard let argument = unsafe argument, let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
        return SSL_TLSEXT_ERR_NOACK
      }
      // SAFETY: the argument is the TLSContext that the session holds; OpenSSL ends the name with NUL, and has checked
      // that it holds no other.
      return unsafe Unmanaged<TLSContext>.fromOpaque(argument)._withUnsafeGuaranteedRef { context in
        let bytes = unsafe UnsafeBufferPointer(start: name, count: strlen(name))
        return unsafe bytes.withMemoryRebound(to: UInt8.self) { bytes in
          let chosen = context.context(for: unsafe Span(_unsafeElements: bytes))
          return unsafe SSL_set_SSL_CTX(ssl, chosen.pointer) == nil ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK
        }
      }
    }

  /// Agrees on `http/1.1` (RFC 7301). A client that can speak nothing else is told so, before it speaks that.
  static let selectProtocol:
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?,
      UInt32, UnsafeMutableRawPointer?
    ) -> Int32 = { _, chosen, chosenCount, offered, count, _ in
      guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
      let names = unsafe UnsafeBufferPointer(start: offered, count: Int(count))
      var index = 0
      while index < names.count {
        let length = Int(unsafe names[index])
        let start = index + 1
        guard length <= names.count - start else { break }
        if unsafe isHTTP11(UnsafeBufferPointer(rebasing: names[start..<start + length])) {
          // SAFETY: OpenSSL reads the name from what the client has offered.
          unsafe chosen?.pointee = offered + start
          unsafe chosenCount?.pointee = UInt8(length)
          return SSL_TLSEXT_ERR_OK
        }
        index = start + length
      }
      return SSL_TLSEXT_ERR_ALERT_FATAL
    }

  @unsafe
  private static func isHTTP11(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    let wanted: InlineArray<8, UInt8> = [0x68, 0x74, 0x74, 0x70, 0x2F, 0x31, 0x2E, 0x31]
    guard name.count == 8 else { return false }
    for index in 0..<8 where unsafe name[index] != wanted[index] { return false }
    return true
  }

  /// Staples the certificate's OCSP response (RFC 6066 §8).
  static let status: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { ssl, argument in
    guard let argument = unsafe argument else { return SSL_TLSEXT_ERR_NOACK }
    // SAFETY: the argument is the TLSContext that the session holds.
    return unsafe Unmanaged<TLSContext>.fromOpaque(argument)._withUnsafeGuaranteedRef { context in
      guard let staple = unsafe context.certificate(of: SSL_get_SSL_CTX(ssl)).staple, staple.isCurrent else {
        return SSL_TLSEXT_ERR_NOACK
      }
      let isSet = unsafe staple.response.withUnsafeBufferPointer { bytes in
        unsafe portcullis_ssl_set_status(ssl, bytes.baseAddress, bytes.count)
      }
      return isSet == 1 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
    }
  }

  // MARK: Session tickets

  /// Gives the key that seals a ticket, or the one that opens it. 1: it is used; 2: a new ticket is due too; 0: there
  /// is none; -1: it failed.
  static let ticketKey:
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?, Int32
    ) -> Int32 = { ssl, name, vector, cipher, mac, seals in
      guard let name = unsafe name, let vector = unsafe vector,
        let argument = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0)
      else { return -1 }
      // SAFETY: what stands there is the TLSContext that the session holds.
      return unsafe Unmanaged<TLSContext>.fromOpaque(argument)._withUnsafeGuaranteedRef { context in
        // SAFETY: OpenSSL gives room for 16 bytes of the name, and for EVP_MAX_IV_LENGTH, 16 too.
        let name = unsafe UnsafeMutableBufferPointer(start: name, count: TicketKeys.nameBytes)
        if seals == 1 {
          guard let key = context.tickets.sealing(), unsafe RAND_bytes(vector, EVP_MAX_IV_LENGTH) == 1 else {
            return -1
          }
          for index in 0..<name.count { unsafe name[index] = key.bytes[index] }
          return unsafe begin(key, cipher, mac, vector, seals: true) ? 1 : -1
        }
        guard let found = unsafe context.tickets.opening(Span(_unsafeElements: UnsafeBufferPointer(name))) else {
          return 0
        }
        guard unsafe begin(found.key, cipher, mac, vector, seals: false) else { return -1 }
        return found.isCurrent ? 1 : 2
      }
    }

  @unsafe
  private static func begin(
    _ key: TicketKeys.Key, _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ vector: UnsafeMutablePointer<UInt8>,
    seals: Bool
  ) -> Bool {
    unsafe key.bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return false }
      // SAFETY: 16 bytes of the name, 32 of each key: as TicketKeys makes them.
      let cipherKey = unsafe base + TicketKeys.nameBytes
      return unsafe portcullis_ticket_begin(cipher, mac, cipherKey, cipherKey + 32, 32, vector, seals ? 1 : 0) == 1
    }
  }

  /// A ticket is about to be sealed.
  static let ticketMade: SSL_CTX_generate_session_ticket_fn = { ssl, argument in
    guard let argument = unsafe argument, let session = unsafe SSL_get_session(ssl) else { return 0 }
    // SAFETY: the argument is the TLSContext that the session holds.
    return unsafe Unmanaged<TLSContext>.fromOpaque(argument)._withUnsafeGuaranteedRef { context in
      unsafe SessionAge.begin(session, now: context.clock()) ? 1 : 0
    }
  }

  /// Whether a ticket that was opened is used: not where the client's certificate has run out since, nor where it was
  /// verified too long ago. A client of TLS 1.3
  /// gets another, as it should use each once (RFC 8446 §C.4).
  static let ticketOpened: SSL_CTX_decrypt_session_ticket_fn = { ssl, session, _, _, status, argument in
    switch status {
    case SSL_TICKET_SUCCESS, SSL_TICKET_SUCCESS_RENEW:
      guard let session = unsafe session, let argument = unsafe argument else { return SSL_TICKET_RETURN_IGNORE_RENEW }
      // SAFETY: the argument is the TLSContext that the session holds.
      let isGood = unsafe Unmanaged<TLSContext>.fromOpaque(argument)._withUnsafeGuaranteedRef { context in
        unsafe SessionAge.isGood(session, now: context.clock())
      }
      guard isGood else { return SSL_TICKET_RETURN_IGNORE_RENEW }
      if let peer = unsafe SSL_SESSION_get0_peer(session), unsafe X509Certificate.validity(of: peer) != .valid {
        return SSL_TICKET_RETURN_IGNORE_RENEW
      }
      let isKept = unsafe status == SSL_TICKET_SUCCESS && SSL_version(ssl) < TLS1_3_VERSION
      return isKept ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
    default: return SSL_TICKET_RETURN_IGNORE_RENEW
    }
  }
}
