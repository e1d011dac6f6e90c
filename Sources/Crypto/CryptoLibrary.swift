internal import COpenSSL

/// OpenSSL as the whole process uses it.
public enum CryptoLibrary {
  /// Keeps OpenSSL whole until the process is gone. To be called before anything else of it is.
  ///
  /// By itself it takes itself apart in `exit` (OPENSSL_init_crypto(3), `OPENSSL_INIT_NO_ATEXIT`), while other threads
  /// still use its locks: a process that ends while keys are read crashes.
  public static func keepUntilProcessEnds() { _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) }
}
