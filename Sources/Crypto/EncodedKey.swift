internal import COpenSSL

/// An OpenSSL key made from checked material. Owns it.
@safe final class EncodedKey {
  let pointer: OpaquePointer

  /// Takes the pointer over.
  init(owning pointer: OpaquePointer) {
    unsafe self.pointer = unsafe pointer
  }

  /// nil where OpenSSL cannot read the material: no point, a number out of range. Secrets have no such key.
  convenience init?(_ material: PublicKey.Material) {
    var made: OpaquePointer?
    switch material {
    case .rsa(let modulus, let exponent):
      unsafe made = EncodedKey.make("RSA") { parameters in
        parameters.push(OSSL_PKEY_PARAM_RSA_N, number: modulus)
          && parameters.push(OSSL_PKEY_PARAM_RSA_E, number: exponent)
      }
    case .ellipticCurve(let curve, let x, let y):
      unsafe made = EncodedKey.make("EC") { parameters in
        parameters.push(OSSL_PKEY_PARAM_GROUP_NAME, text: curve.groupName)
          && parameters.push(OSSL_PKEY_PARAM_PUB_KEY, octets: [4] + x + y)
      }
    case .ed25519(let point):
      unsafe made = point.withUnsafeBufferPointer { point in
        unsafe EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, point.baseAddress, point.count)
      }
    case .secret:
      return nil
    }
    guard let made = unsafe made else {
      ERR_clear_error()
      return nil
    }
    unsafe self.init(owning: made)
  }

  deinit { unsafe EVP_PKEY_free(pointer) }

  /// Whether the public half is a point of the curve and no neutral element: once for a `PublicKey`, and not again on
  /// the loops that carry requests.
  func isSound() -> Bool {
    // Ed25519: every string of 32 bytes is a key until it is used (RFC 8032 §5.1.3).
    guard unsafe EVP_PKEY_get_base_id(pointer) != EVP_PKEY_ED25519 else { return true }
    guard let context = unsafe EVP_PKEY_CTX_new(pointer, nil) else { return false }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    guard unsafe EVP_PKEY_public_check_quick(context) == 1 else {
      ERR_clear_error()
      return false
    }
    return true
  }

  private static func make(
    _ algorithm: String, _ fill: (borrowing ParameterBuilder) -> Bool
  ) -> OpaquePointer? {
    guard let builder = ParameterBuilder(), fill(builder) else { return nil }
    return unsafe builder.key(algorithm)
  }
}

/// OpenSSL's list of key parameters while it is built. It copies neither names nor values: all live as long as the list.
@safe struct ParameterBuilder: ~Copyable {
  private let builder: OpaquePointer
  private let numbers: NumberList

  init?() {
    guard let builder = unsafe OSSL_PARAM_BLD_new() else { return nil }
    unsafe self.builder = unsafe builder
    numbers = NumberList()
  }

  deinit { unsafe OSSL_PARAM_BLD_free(builder) }

  func push(_ name: String, number bytes: [UInt8]) -> Bool {
    guard let number = unsafe numbers.make(bytes) else { return false }
    return unsafe OSSL_PARAM_BLD_push_BN(builder, numbers.keep(name), number) == 1
  }

  func push(_ name: String, text: String) -> Bool {
    unsafe OSSL_PARAM_BLD_push_utf8_string(builder, numbers.keep(name), numbers.keep(text), 0) == 1
  }

  func push(_ name: String, octets: [UInt8]) -> Bool {
    unsafe OSSL_PARAM_BLD_push_octet_string(builder, numbers.keep(name), numbers.keep(octets), octets.count) == 1
  }

  /// The public key that the parameters describe; nil where OpenSSL refuses them.
  func key(_ algorithm: String) -> OpaquePointer? {
    guard let parameters = unsafe OSSL_PARAM_BLD_to_param(builder) else { return nil }
    defer { unsafe OSSL_PARAM_free(parameters) }
    guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, algorithm, nil) else { return nil }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard unsafe EVP_PKEY_fromdata_init(context) == 1,
      unsafe EVP_PKEY_fromdata(context, &key, portcullis_public_key_selection(), parameters) == 1
    else { return nil }
    return unsafe key
  }
}

/// What a parameter list points at until it is made.
@safe private final class NumberList {
  private var numbers: [OpaquePointer] = unsafe []
  private var blocks: [UnsafeMutableRawPointer] = unsafe []

  deinit {
    while let number = unsafe numbers.popLast() { unsafe BN_free(number) }
    while let block = unsafe blocks.popLast() { unsafe block.deallocate() }
  }

  func make(_ bytes: [UInt8]) -> OpaquePointer? {
    let number = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe BN_bin2bn(bytes.baseAddress, Int32(clamping: bytes.count), nil)
    }
    guard let number = unsafe number else { return nil }
    unsafe numbers.append(number)
    return unsafe number
  }

  func keep(_ bytes: [UInt8]) -> UnsafeMutableRawPointer {
    let block = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
    unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: bytes.count + 1)
    for (offset, byte) in bytes.enumerated() { unsafe block.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self) }
    unsafe blocks.append(block)
    return unsafe block
  }

  func keep(_ text: String) -> UnsafeMutablePointer<CChar> {
    unsafe keep(Array(text.utf8)).assumingMemoryBound(to: CChar.self)
  }
}
