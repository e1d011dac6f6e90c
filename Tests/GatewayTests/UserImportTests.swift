import Testing

@testable import Gateway

/// Not of any password: what matters is how they are written.
private let bcrypt = "$2y$04$kjmTwAVR2nylTIOiqa3uxuFW1ESaKb6qi1LcxyWCqiTC85MwNIrj2"
private let sha512 = "$6$salt$" + String(repeating: "a", count: 86)
/// 2024-10-04
private let today: Int64 = 20_000

@Suite("The lines that `user import` reads")
struct UserImportTests {
  @Test(
    "Names with their hashes",
    arguments: [
      ("alice:\(bcrypt)", "alice", bcrypt), ("alice:\(bcrypt)\r", "alice", bcrypt),
      // shadow(5) goes on behind the hash.
      ("alice:\(sha512):19000:0:99999:7:::", "alice", sha512), ("alice:\(sha512):", "alice", sha512),
      // Nothing is trimmed from a name, and nothing in it has a meaning.
      (" alice:\(bcrypt)", " alice", bcrypt), ("é@example.com:\(bcrypt)", "é@example.com", bcrypt),
      ("a#b:\(bcrypt)", "a#b", bcrypt), ("!:\(bcrypt)", "!", bcrypt),
    ])
  func user(line: String, name: String, hash: String) {
    #expect(UserImportCommand.entry(line, today: today) == .user(name, hash: hash))
  }

  @Test(
    "Empty lines and comments say nothing", arguments: ["", "\r", " \t ", " \t\r", "#", "# alice:\(bcrypt)", "#\r"])
  func nothing(line: String) { #expect(UserImportCommand.entry(line, today: today) == .nothing) }

  @Test(
    "Accounts without a password that could match are passed over",
    arguments: [
      ("daemon:*:19000::::::", "daemon"), ("alice:!\(bcrypt)", "alice"), ("alice:!!", "alice"), ("alice:", "alice"),
      ("alice::19000:0", "alice"), ("alice:*LK*", "alice"), ("a b:*", "\"a b\""), ("a\u{1B}:!", "\"a\\u001b\""),
    ])
  func passedOver(line: String, name: String) {
    #expect(UserImportCommand.entry(line, today: today) == .passedOver(name, why: "has no password"))
  }

  @Test(
    "Whom the system keeps out is passed over, as shadow(5) has it",
    arguments: [
      ("1:0:1:7::2:", "expired on 1970-01-03"), ("19000:0:99999:7::0:", "expired on 1970-01-01"),
      ("19000:0:99999:7::20000:", "expired on 2024-10-04"), ("19000:0:99999:7::20001:", nil),
      ("19000:0:99999:7:::", nil), ("19000:0:99999:7:-1:-1:", nil),
      // Not changed for 90 days, nor for 10 more.
      ("19899:0:90:7:10::", "has been locked since 2024-10-04, as its password was not changed"),
      ("19900:0:90:7:10::", nil),
      ("19000:0:90:7:::", nil), ("0:0:90:7:10::", nil), ("19000:0:-1:7:10::", nil),
      // No nine fields: what they would mean, nobody knows.
      ("1:2", nil), ("1:0:1:7::2", nil), ("a:b:c:d:e:f:g:h", nil),
    ] as [(String, String?)])
  func expired(rest: String, why: String?) {
    let entry = UserImportCommand.entry("alice:\(sha512):\(rest)", today: today)
    let end = rest.hasSuffix(":20001:") ? "2024-10-05" : nil
    #expect(entry == why.map { .passedOver("alice", why: $0) } ?? .user("alice", hash: sha512, end: end))
  }

  @Test(
    "A number of days that is none may have been what keeps the user out",
    arguments: [
      ("1:0:1:7::x:", 8), ("1:0:1:7::99999999999:", 8), ("x:0:1:7:::", 3), ("1:0:x:7:::", 5), ("1:0:1:7:x::", 7),
    ])
  func noDays(rest: String, field: Int) {
    let entry = UserImportCommand.entry("alice:\(sha512):\(rest)", today: today)
    #expect(entry == .fault("alice: field \(field) is not a number of days as in shadow(5)"))
  }

  @Test(
    "What is none of these is a fault",
    arguments: [
      ("alice", "no name:hash"), (":\(bcrypt)", "no name:hash"), (":", "no name:hash"),
      ("alice:$apr1$abcdefgh$0123456789012345678901", "alice: a hash of Apache's MD5 ($apr1$)"),
      ("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "alice: a hash of plain SHA-1 ({SHA})"),
      ("alice:\(bcrypt) ", "alice: a damaged hash of bcrypt"),
      ("alice: \(bcrypt)", "alice: not a yescrypt, bcrypt or sha512crypt password hash"),
      ("alice:\(bcrypt)\r\r", "alice: a damaged hash of bcrypt"),
      ("alice:correct horse", "alice: not a yescrypt, bcrypt or sha512crypt password hash"),
      ("a\tb:secret", "\"a\\u0009b\": not a yescrypt, bcrypt or sha512crypt password hash"),
    ])
  func fault(line: String, beginning: String) {
    guard case .fault(let message) = UserImportCommand.entry(line, today: today) else {
      Issue.record("\(line) is \(UserImportCommand.entry(line, today: today))")
      return
    }
    #expect(message.hasPrefix(beginning))
  }

  @Test(
    "L-2: a fault quotes nothing of what stands where a hash should",
    arguments: [
      "correct-horse", "$apr1$abcdefgh$CANARY0123456789012345", "{PLAIN}CANARY", "$2y$31$CANARY", "$6$rounds=CANARY$",
    ])
  func quotesNothing(hash: String) {
    guard case .fault(let message) = UserImportCommand.entry("alice:\(hash)", today: today) else {
      Issue.record("no fault")
      return
    }
    #expect(!message.contains("CANARY") && !message.contains("correct-horse"))
  }

  @Test("A byte order mark counts in front of the first line alone")
  func byteOrderMark() {
    let line: [UInt8] = [0xEF, 0xBB, 0xBF] + "bob:x".utf8
    #expect(UserImportCommand.text(line.span, 1) == "bob:x")
    #expect(UserImportCommand.text(line.span, 2) == "\u{FEFF}bob:x")
    #expect(UserImportCommand.text([0xEF, 0xBB].span, 1) == "\u{FFFD}")
  }
}
