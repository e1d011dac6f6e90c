import Crypto
import Testing

@Suite("Password hashes")
struct PasswordHashTests {
  static let knownHashes = [
    // libxcrypt's own, Openwall's and Drepper's.
    (
      "hello", "$y$j75$6fLNT4RRUjywfwh8T6Lqh.$/f6WnSpoOJe7ZcFWF8l9RRu.9yFGVoZInIRS11NBHN2",
      PasswordHash.Scheme.yescrypt
    ),
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", .bcrypt),
    ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", .bcrypt),
    (
      "Hello world!",
      "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
      .sha512crypt
    ),
  ]

  @Test("A known hash is of its password and of no other", arguments: knownHashes)
  func known(password: String, text: String, scheme: PasswordHash.Scheme) throws {
    let hash = try PasswordHash(stored: text)
    #expect(hash.scheme == scheme)
    #expect(hash.accepts(password))
    for other in ["", password + "x", password + "\0", "\0" + password, String(password.dropLast())] {
      #expect(!hash.accepts(other), "\(other)")
    }
    #expect(!hash.matchingNone.accepts(password))
  }

  @Test("C-11: a new hash is yescrypt's, with a salt of its own")
  func make() throws {
    let password = "correct horse"
    let (one, other) = (try hashed(password), try hashed(password))
    #expect(one.hasPrefix("$y$j9T$"))
    #expect(one != other)
    #expect(try PasswordHash(stored: one).accepts(password))
    #expect(try PasswordHash(stored: other).accepts(password))
    #expect(try !PasswordHash.matchingNone().accepts(password))
  }

  @Test("Passwords that cannot be hashed", arguments: [0, 512, 5000])
  func lengths(count: Int) {
    #expect(throws: PasswordHashError.passwordRefused) {
      try hashed(String(repeating: "a", count: count))
    }
  }

  @Test("A NUL would end the password before its end")
  func nul() {
    #expect(throws: PasswordHashError.passwordRefused) { try hashed("a\0b") }
  }

  @Test("The longest password counts to its last byte")
  func longest() throws {
    let beginning = String(repeating: "a", count: PasswordHash.passwordBytes.upperBound - 1)
    let hash = try PasswordHash(stored: hashed(beginning + "a"))
    #expect(hash.accepts(beginning + "a"))
    #expect(!hash.accepts(beginning + "b"))
  }

  @Test("bcrypt knows 72 bytes: longer passwords match nothing, and are not cut")
  func bcrypt() throws {
    // `htpasswd -nbB -C 4` of 72 times "a".
    let hash = try PasswordHash(stored: "$2y$04$kjmTwAVR2nylTIOiqa3uxuFW1ESaKb6qi1LcxyWCqiTC85MwNIrj2")
    #expect(hash.accepts(String(repeating: "a", count: 72)))
    #expect(!hash.accepts(String(repeating: "a", count: 71)))
    #expect(!hash.accepts(String(repeating: "a", count: 73)))
  }

  @Test(
    "Schemes that are refused are named",
    arguments: [
      ("$apr1$abcdefgh$0123456789012345678901", "$apr1$"), ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SHA}"),
      ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SSHA}"), ("$1$abcdefgh$0123456789012345678901", "MD5"),
      ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "sha256crypt"), ("rqXexS6ZhobKA", "DES"),
      ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "Argon2"), ("$2x$05$CCCCCCCCCCCCCCCCCCCCC.", "$2x$"),
    ])
  func refused(text: String, name: String) throws {
    let error = #expect(throws: PasswordHashError.self) { try PasswordHash(stored: text) }
    let description = try #require(error?.description)
    #expect(description.contains(name) && description.contains("user password"), "\(description)")
    #expect(!description.contains(text))
  }

  @Test(
    "Work that would not end in time, or is none, is refused",
    arguments: [
      "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
      "$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
      "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
      "$y$jFT$6fLNT4RRUjywfwh8T6Lqh.$/f6WnSpoOJe7ZcFWF8l9RRu.9yFGVoZInIRS11NBHN2",
      "$y$jzzzzz$6fLNT4RRUjywfwh8T6Lqh.$/f6WnSpoOJe7ZcFWF8l9RRu.9yFGVoZInIRS11NBHN2",
      "$6$rounds=999999999$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
      "$6$rounds=10$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ])
  func cost(text: String) throws {
    let error = #expect(throws: PasswordHashError.self) { try PasswordHash(stored: text) }
    guard case .costRefused = try #require(error) else {
      Issue.record("\(text): \(String(describing: error))")
      return
    }
  }

  @Test(
    "What is no hash is refused",
    arguments: [
      "", "secret", "$y$", "$y$j9T$", "$y$j9T$$", "$6$", "$6$a", "$2b$10$short", "$2b$05$", "*", "!", "x",
      "$2b$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
      "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX",
      "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe\u{E9}",
      "$y$j9T$6fLNT4RRUjywfwh8T6Lqh.$/f6WnSpoOJe7ZcFWF8l9RRu.9yFGVoZInIRS11NBHN",
      "$6$rounds=$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
      "$6$rounds=5000", "$6$rounds=99999999999999999999$a$b",
    ])
  func malformed(text: String) {
    #expect(throws: PasswordHashError.self) { try PasswordHash(stored: text) }
  }
}

private func hashed(_ password: String) throws(PasswordHashError) -> String {
  try PasswordHash.make([UInt8](password.utf8).span)
}

extension PasswordHash {
  fileprivate func accepts(_ password: String) -> Bool { matches([UInt8](password.utf8).span) }
}
