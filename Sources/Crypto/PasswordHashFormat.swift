/// What the text of a password hash has to be like. libxcrypt computes much more than is accepted here, and would take
/// hours for some of it.
enum PasswordHashFormat {
  /// - Throws: Where the text is no hash that is accepted.
  static func scheme(of text: [UInt8]) throws(PasswordHashError) -> PasswordHash.Scheme {
    if starts(text, "$y$") { return try yescrypt(text) }
    if ["$2a$", "$2b$", "$2y$"].contains(where: { starts(text, $0) }) { return try bcrypt(text) }
    if starts(text, "$6$") { return try sha512crypt(text) }
    if let refused = refused.first(where: { starts(text, $0.beginning) }) { throw .refusedScheme(refused.name) }
    // What DES made, as crypt(3) did for its first twenty years.
    if text.count == 13, text.allSatisfy(isHashCharacter) { throw .refusedScheme("DES crypt") }
    throw .unknown
  }

  private static let refused: [(beginning: String, name: String)] = [
    ("$apr1$", "Apache's MD5 ($apr1$)"), ("{SHA}", "plain SHA-1 ({SHA})"), ("{SSHA}", "salted SHA-1 ({SSHA})"),
    ("$1$", "MD5 crypt ($1$)"), ("$2x$", "a broken bcrypt ($2x$)"), ("$2$", "the first bcrypt ($2$)"),
    ("$5$", "sha256crypt ($5$)"), ("$7$", "scrypt ($7$)"), ("$gy$", "gost-yescrypt ($gy$)"),
    ("$argon2", "Argon2"), ("$sha1$", "PBKDF1 with SHA-1 ($sha1$)"), ("$md5", "Sun's MD5 ($md5)"),
    ("$3$", "NTHASH ($3$)"), ("$P$", "phpass ($P$)"), ("$H$", "phpass ($H$)"), ("pbkdf2", "PBKDF2"),
    ("$pbkdf2", "PBKDF2"), ("{PLAIN}", "nothing ({PLAIN})"), ("{CRYPT}", "a scheme in front ({CRYPT})"),
  ]

  /// `$y$PARAMETERS$SALT$HASH` (crypt(5)).
  private static func yescrypt(_ text: [UInt8]) throws(PasswordHashError) -> PasswordHash.Scheme {
    let parts = text.dropFirst(3).split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
    guard parts.count == 3, (2...86).contains(parts[1].count), parts[2].count == 43,
      text.dropFirst(3).allSatisfy({ isHashCharacter($0) || $0 == UInt8(ascii: "$") })
    else { throw .malformed(.yescrypt) }
    let parameters = String(decoding: parts[0], as: UTF8.self)
    guard yescryptParameters.contains(parameters) else {
      throw .costRefused(.yescrypt, found: "the parameters \"\(parameters.prefix(8))\"", accepted: "a cost of 1 to 9")
    }
    return .yescrypt
  }

  /// What crypt_gensalt(3) writes for the costs 1 to 9: 1 MiB to 256 MiB of memory, 2 ms to half a second.
  private static let yescryptParameters = ["j75", "j85", "j7T", "j8T", "j9T", "jAT", "jBT", "jCT", "jDT"]

  /// `$2b$COST$`, 22 characters of salt and 31 of the hash.
  private static func bcrypt(_ text: [UInt8]) throws(PasswordHashError) -> PasswordHash.Scheme {
    guard text.count == 60, text[6] == UInt8(ascii: "$"), let cost = number(text[4..<6]),
      text[7...].allSatisfy(isHashCharacter),
      // Bits that stand for nothing: libxcrypt writes zeros, and what has others would never be equal.
      ".Oeu".utf8.contains(text[28]), ".CGKOSWaeimquy26".utf8.contains(text[59])
    else { throw .malformed(.bcrypt) }
    guard (4...14).contains(cost) else {
      throw .costRefused(.bcrypt, found: "a cost of \(cost)", accepted: "a cost of 4 to 14")
    }
    return .bcrypt
  }

  /// `$6$SALT$HASH`, or `$6$rounds=N$SALT$HASH`.
  private static func sha512crypt(_ text: [UInt8]) throws(PasswordHashError) -> PasswordHash.Scheme {
    var rest = text.dropFirst(3)
    if rest.starts(with: "rounds=".utf8) {
      let digits = rest.dropFirst(7).prefix { $0 != UInt8(ascii: "$") }
      guard let rounds = number(digits), digits.first != UInt8(ascii: "0") else { throw .malformed(.sha512crypt) }
      guard (1000...1_000_000).contains(rounds) else {
        throw .costRefused(.sha512crypt, found: "\(rounds) rounds", accepted: "1000 to 1000000")
      }
      rest = rest.dropFirst(7 + digits.count + 1)
    }
    let parts = rest.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
    guard parts.count == 2, (1...16).contains(parts[0].count), parts[1].count == 86,
      rest.allSatisfy({ isHashCharacter($0) || $0 == UInt8(ascii: "$") })
    else { throw .malformed(.sha512crypt) }
    return .sha512crypt
  }

  private static func starts(_ text: [UInt8], _ beginning: String) -> Bool { text.starts(with: beginning.utf8) }

  /// nil for anything but one to nine digits.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard (1...9).contains(digits.count) else { return nil }
    var value = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value
  }

  private static func isHashCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"):
      true
    default: false
    }
  }
}
