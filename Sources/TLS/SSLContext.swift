internal import COpenSSL

/// An SSL_CTX: what holds for each of its side, whoever it is for (SECURITY A-6).
@safe
final class SSLContext {
  enum Side { case server, client }

  let pointer: OpaquePointer

  init(_ side: Side) throws(TLSFault) {
    ERR_clear_error()
    guard let pointer = unsafe SSL_CTX_new(side == .server ? TLS_server_method() : TLS_client_method()) else {
      throw .failed("SSL_CTX_new")
    }
    unsafe self.pointer = pointer
    // 112 bits: no RSA key of less than 2048 bits, no SHA-1 in a signature, whatever the system's openssl.cnf says.
    unsafe SSL_CTX_set_security_level(pointer, 2)
    guard unsafe portcullis_ssl_set_versions(pointer, TLS1_2_VERSION) == 1,
      unsafe SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
      unsafe SSL_CTX_set_ciphersuites(
        pointer, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1,
      unsafe portcullis_ssl_set_groups(pointer, "X25519:P-256:P-384") == 1,
      unsafe SSL_CTX_set_max_early_data(pointer, 0) == 1
    else { throw .failed("SSL_CTX_set_cipher_list") }
    unsafe portcullis_ssl_prepare(pointer)
    switch side {
    case .server: unsafe portcullis_ssl_prepare_server(pointer)
    case .client: unsafe portcullis_ssl_prepare_client(pointer, ResumableSessions.newSession)
    }
  }

  deinit { unsafe SSL_CTX_free(pointer) }
}
