internal import COpenSSL
import Glibc
import Sockets

/// The certificate authorities whose servers are believed. Read once, and shared by all contexts that verify with it.
@safe
public final class ServerAuthorities: @unchecked Sendable, Equatable {
  /// nil: those of the system.
  private let pem: [UInt8]?
  /// OpenSSL guards it with a lock of its own, which handshakes alone take.
  private let store: OpaquePointer

  /// - Parameter pem: Their certificates, at least one. Each is believed as it stands, also one that another has signed.
  public init(pem: [UInt8]) throws(TLSFault) {
    self.pem = pem
    unsafe store = try ServerAuthorities.makeStore()
    let reader = try PEMReader(pem)
    var count = 0
    while let authority = try reader.certificate() {
      guard unsafe X509_STORE_add_cert(store, authority.pointer) == 1 else { throw .failed("X509_STORE_add_cert") }
      count += 1
    }
    guard count > 0 else { throw .noCertificate }
    unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
  }

  /// The system's (`/etc/ssl/certs`, or what SSL_CERT_FILE and SSL_CERT_DIR name).
  public init() throws(TLSFault) {
    pem = nil
    unsafe store = try ServerAuthorities.makeStore()
    ERR_clear_error()
    defer { ERR_clear_error() }
    guard unsafe X509_STORE_set_default_paths(store) == 1 else { throw .failed("X509_STORE_set_default_paths") }
  }

  /// Whether there is none: of the system's, no file with a certificate, and nothing in a folder where handshakes would
  /// look for one.
  public var isEmpty: Bool {
    if unsafe OPENSSL_sk_num(X509_STORE_get0_objects(store)) > 0 { return false }
    guard pem == nil else { return true }
    return !ServerAuthorities.systemFolders.contains { folder in
      guard let names = try? FileAccess.names(in: folder) else { return false }
      return !names.isEmpty
    }
  }

  /// As OpenSSL finds them.
  private static var systemFolders: [String] {
    // SAFETY: both are NUL-terminated, and nobody sets the environment in this process.
    let folders = unsafe getenv(X509_get_default_cert_dir_env()).map { unsafe String(cString: $0) }
    guard let folders = unsafe folders ?? X509_get_default_cert_dir().map({ unsafe String(cString: $0) }) else {
      return []
    }
    return folders.split(separator: ":").map(String.init)
  }

  deinit { unsafe X509_STORE_free(store) }

  @unsafe
  private static func makeStore() throws(TLSFault) -> OpaquePointer {
    guard let store = unsafe X509_STORE_new() else { throw .failed("X509_STORE_new") }
    return unsafe store
  }

  /// Has `context` verify with them that a certificate is a server's, and refuse one that is not.
  func verify(in context: SSLContext) throws(TLSFault) {
    let parameters = unsafe SSL_CTX_get0_param(context.pointer)
    guard unsafe X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER) == 1 else {
      throw .failed("X509_VERIFY_PARAM_set_purpose")
    }
    unsafe SSL_CTX_set1_cert_store(context.pointer, store)
    unsafe SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
  }

  /// Whether both are the same authorities.
  public static func == (left: ServerAuthorities, right: ServerAuthorities) -> Bool {
    left.pem == right.pem
  }
}
