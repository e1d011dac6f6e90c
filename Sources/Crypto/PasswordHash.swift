internal import CCrypt
internal import COpenSSL

/// A password as it is kept: hashed by libxcrypt, with a cost and a salt of its own. It holds no password.
///
/// Hashing takes tens of milliseconds and more, and up to 256 MiB: never on a loop (SECURITY C-11).
public struct PasswordHash: Sendable {
  /// A way to hash passwords; no other is accepted.
  public enum Scheme: String, Sendable, CaseIterable {
    /// What new hashes are of.
    case yescrypt
    /// `htpasswd -B` writes it. It knows 72 bytes of a password; longer ones are refused, and not cut.
    case bcrypt
    /// What /etc/shadow of older systems holds.
    case sha512crypt
  }

  /// What the hash says that it was made with: `$y$`, `$2a$`, `$2b$`, `$2y$` or `$6$`.
  public let scheme: Scheme
  private let text: [UInt8]
  /// Tells it from every other hash, also of the same password, and says nothing of either.
  public let digest: [UInt8]
  /// Whether a password can match at all.
  private let isMatchable: Bool

  /// How many bytes a password has that can be hashed: libxcrypt's 512 are with the NUL behind them.
  public static let passwordBytes = 1...511
  /// How many characters a new password has at least: shorter ones are guessed (NIST SP 800-63B §5.1.1.1). There is no
  /// other rule, as rules make passwords worse.
  public static let charactersMin = 8
  private static let bcryptBytesMax = 72

  /// - Parameter stored: As `user add`, `htpasswd -B` or /etc/shadow write it: `$y$…`, `$2a$…`, `$2b$…`, `$2y$…`, `$6$…`.
  /// - Throws: Where the scheme or the cost is not accepted.
  public init(stored: String) throws(PasswordHashError) {
    let text = Array(stored.utf8)
    scheme = try PasswordHashFormat.scheme(of: text)
    guard let digest = try? HashFunction.sha256.digest(of: text.span) else { throw .failed }
    (self.text, self.digest, isMatchable) = (text, digest, true)
  }

  private init(costing other: PasswordHash) {
    (scheme, text, digest, isMatchable) = (other.scheme, other.text, other.digest, false)
  }

  /// Whether a new password has `charactersMin` characters.
  public static func isLongEnough(_ password: Span<UInt8>) -> Bool {
    var count = 0
    for index in password.indices where password[index] & 0xC0 != 0x80 { count += 1 }
    return count >= charactersMin
  }

  /// A new hash of `password`: yescrypt with libxcrypt's own cost, and a salt from the operating system.
  public static func make(_ password: Span<UInt8>) throws(PasswordHashError) -> String {
    guard isHashable(password) else { throw .passwordRefused }
    var salt = [UInt8](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
    let isMade = unsafe salt.withUnsafeMutableBytes { salt in
      unsafe crypt_gensalt_rn(
        "$y$", 0, nil, 0, salt.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(salt.count)) != nil
    }
    guard isMade, let made = hash(password, setting: salt) else { throw .failed }
    return String(decoding: made, as: UTF8.self)
  }

  /// Takes as long as this one for any password, and matches none: for users that there are not, so that nobody learns
  /// from the time which there are (SECURITY C-11).
  public var matchingNone: PasswordHash { PasswordHash(costing: self) }

  /// The same at the cost of a new hash, for where there is no user at all.
  public static func matchingNone() throws(PasswordHashError) -> PasswordHash {
    // Any password does: the result matches none.
    try PasswordHash(stored: make([UInt8]("nobody's".utf8).span)).matchingNone
  }

  /// Whether it is the hash of `password`.
  ///
  /// Costs the same whatever the answer, also for a password that cannot be hashed. Blocks.
  public func matches(_ password: Span<UInt8>) -> Bool {
    let isHashable = PasswordHash.isHashable(password) && (scheme != .bcrypt || password.count <= Self.bcryptBytesMax)
    let hashed = isHashable ? password : password.extracting(0..<0)
    guard let found = PasswordHash.hash(hashed, setting: text + [0]) else { return false }
    return ConstantTime.areEqual(found.span, text.span) && isHashable && isMatchable
  }

  private static func isHashable(_ password: Span<UInt8>) -> Bool {
    guard passwordBytes.contains(password.count) else { return false }
    for index in password.indices where password[index] == 0 { return false }
    return true
  }

  /// The hash by the scheme, cost and salt of `setting`; nil where libxcrypt does not know it, or has no memory.
  ///
  /// - Parameter setting: With a NUL at its end.
  private static func hash(_ password: Span<UInt8>, setting: [UInt8]) -> [UInt8]? {
    let size = Int(portcullis_crypt_data_size())
    // SAFETY: both are freed on every way out, after what they hold of the password is wiped.
    let data = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer {
      unsafe OPENSSL_cleanse(data, size)
      unsafe data.deallocate()
    }
    unsafe data.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    let phraseSize = password.count + 1
    let phrase = UnsafeMutablePointer<CChar>.allocate(capacity: phraseSize)
    defer {
      unsafe OPENSSL_cleanse(phrase, phraseSize)
      unsafe phrase.deallocate()
    }
    for index in password.indices { unsafe phrase[index] = CChar(bitPattern: password[index]) }
    unsafe phrase[password.count] = 0
    return unsafe setting.withUnsafeBytes { setting -> [UInt8]? in
      guard let setting = unsafe setting.baseAddress?.assumingMemoryBound(to: CChar.self),
        let output = unsafe crypt_rn(phrase, setting, data, Int32(size))
      else { return nil }
      // SAFETY: what crypt_rn answers is NUL-terminated inside `data`; it is copied.
      return unsafe Array(String(cString: output).utf8)
    }
  }
}
