internal import COpenSSL

/// A private key and what OpenSSL looks up to sign with it by one scheme, once: that takes longer than to sign.
///
/// For several threads at once: each signature is made with a copy.
@safe final class SigningContext: @unchecked Sendable {
  /// Not changed once it is made.
  private let prepared: OpaquePointer

  /// - Parameter key: Has to fit the scheme, which is none of a secret.
  init(_ key: EncodedKey, _ scheme: SignatureScheme) throws(SigningKeyError) {
    guard let prepared = unsafe EVP_MD_CTX_new() else { throw SigningContext.failure("EVP_MD_CTX_new") }
    unsafe self.prepared = unsafe prepared
    let hash: HashFunction? =
      switch scheme {
      case .rsaPKCS1(let hash), .rsaPSS(let hash), .ecdsa(let hash): hash
      case .ed25519, .hmac: nil
      }
    var parameters: OpaquePointer?
    guard unsafe EVP_DigestSignInit(prepared, &parameters, hash?.evp, nil, key.pointer) == 1 else {
      throw SigningContext.failure("EVP_DigestSignInit")
    }
    if case .rsaPSS = scheme {
      guard unsafe EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1,
        unsafe EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
      else { throw SigningContext.failure("EVP_PKEY_CTX_set_rsa_padding") }
    }
  }

  deinit { unsafe EVP_MD_CTX_free(prepared) }

  /// A signature over `message`, as OpenSSL writes it.
  func sign(_ message: Span<UInt8>) throws(SigningKeyError) -> [UInt8] {
    guard let context = unsafe EVP_MD_CTX_new() else { throw SigningContext.failure("EVP_MD_CTX_new") }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard unsafe EVP_MD_CTX_copy_ex(context, prepared) == 1 else { throw SigningContext.failure("EVP_MD_CTX_copy_ex") }
    var signature = [UInt8](repeating: 0, count: 2048)
    var count = signature.count
    let isDone = unsafe message.withUnsafeBufferPointer { message in
      unsafe signature.withUnsafeMutableBufferPointer { signature in
        unsafe EVP_DigestSign(context, signature.baseAddress, &count, message.baseAddress, message.count)
      }
    }
    guard isDone == 1 else { throw SigningContext.failure("EVP_DigestSign") }
    return Array(signature[..<count])
  }

  private static func failure(_ function: String) -> SigningKeyError {
    ERR_clear_error()
    return .failed(function)
  }
}
