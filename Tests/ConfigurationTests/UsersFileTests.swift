import Crypto
import TestSupport
import Testing
import Tokens

@testable import Configuration

@Suite("Users files")
struct UsersFileTests {
  static let hash = "$2y$04$kjmTwAVR2nylTIOiqa3uxuFW1ESaKb6qi1LcxyWCqiTC85MwNIrj2"

  static let whole = """
    # Who may sign in.
    demo: true
    users:
      - id: u1
        username: alice
        password_hash: \(hash)
        roles: [admin, "a, b"]
        permissions: [orders.write]
        scopes: ["orders:read"]
        claims: { tenant: acme, level: 3, "n": "3", vip: true, plan: [pro, 7, false], below: -2, text: "${HOME}" }
      - { id: u2, username: "bob@example.com", password_hash: "\(hash)", disabled: true }
    clients:
      - id: batch
        secret_hash: \(hash)
        roles: [worker]
        scopes: [jobs]

    """

  private func faults(_ text: String) -> [String] {
    switch UsersFile.parse(Array(text.utf8), file: "users.yaml") {
    case .success: []
    case .failure(let diagnostics): diagnostics.list.map(\.description)
    }
  }

  @Test("All that a file can say")
  func whole() throws {
    let file = try UsersFile.parse(Array(Self.whole.utf8), file: "users.yaml").get()
    #expect(file.isDemo)
    let alice = try #require(file.user(named: "alice"))
    #expect(alice.id == "u1")
    let isMatch = alice.passwordHash.matches([UInt8](repeating: 97, count: 72).span)
    #expect(isMatch)
    #expect(alice.roles == ["admin", "a, b"])
    #expect(alice.permissions == ["orders.write"])
    #expect(alice.scopes == ["orders:read"])
    #expect(
      alice.claims == [
        ClaimMember(name: "tenant", value: .string("acme")), ClaimMember(name: "level", value: .integer(3)),
        ClaimMember(name: "n", value: .string("3")), ClaimMember(name: "vip", value: .boolean(true)),
        ClaimMember(name: "plan", value: .list([.string("pro"), .integer(7), .boolean(false)])),
        ClaimMember(name: "below", value: .integer(-2)), ClaimMember(name: "text", value: .string("${HOME}")),
      ])
    #expect(!alice.isDisabled)
    let bob = try #require(file.user(id: "u2"))
    #expect(bob.username == "bob@example.com" && bob.isDisabled && bob.roles.isEmpty)
    #expect(file.user(named: "Alice") == nil && file.user(id: "batch") == nil)
    let batch = try #require(file.client(id: "batch"))
    #expect(batch.roles == ["worker"] && batch.scopes == ["jobs"] && !batch.isDisabled)
  }

  @Test("Names are compared byte for byte")
  func names() throws {
    let text = "users:\n  - { id: a, username: \"\u{E9}\", password_hash: \(Self.hash) }\n"
    let file = try UsersFile.parse(Array(text.utf8), file: "users.yaml").get()
    #expect(file.user(named: "\u{E9}") != nil)
    #expect(file.user(named: "e\u{301}") == nil)
  }

  @Test("Everything that is wrong is said in one run, with its place, and no hash is quoted")
  func allFaults() {
    let text = """
      users:
        - id: a b
          username: alice
          password_hash: hunter2-secret
          role: [x]
        - id: u2
          username: alice
          password_hash: $apr1$abcdefgh$0123456789012345678901
        - username: " x"
          password_hash: $2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW
          scopes: ["a b"]
          claims: { sub: x, deep: { a: b }, list: [[a]] }
          disabled: yes
      clients:
        - id: u2
          secret_hash: []
      more: 1
      """
    let found = faults(text)
    for (place, words) in [
      ("2:9", "is not an id"), ("4:20", "password hash"), ("5:5", "did you mean \"roles\""),
      ("7:15", "taken on line 3"),
      ("8:20", "$apr1$"), ("9:5", "\"id\" is missing"), ("9:15", "begins or ends with a space"),
      ("10:20", "cost of 31"), ("11:14", "is not a scope"), ("12:15", "the gateway sets"),
      ("12:29", "found a mapping"), ("12:46", "a list in a list"), ("13:15", "neither true nor false"),
      ("15:9", "taken on line 6"), ("16:18", "expected a password hash"), ("17:1", "unknown key"),
    ] {
      #expect(found.contains { $0.hasPrefix("users.yaml:\(place): ") && $0.contains(words) }, "\(place) \(words)")
    }
    #expect(found.count == 16, "\(found.joined(separator: "\n"))")
    #expect(!found.joined().contains("hunter2"))
  }

  @Test(
    "A file of nobody is a fault",
    arguments: [
      "", "# nothing\n", "{}", "demo: true\n", "users: []\n", "users:\n", "users: alice\n", "- a\n", "users: [\n",
    ])
  func empty(text: String) { #expect(!faults(text).isEmpty) }

  @Test("Who else can read or write the file is a fault; L-3")
  func modes() throws {
    let folder = try TemporaryFolder()
    let text = "users:\n  - { id: a, username: a, password_hash: \(Self.hash) }\n"
    let rows: [(mode: UInt32, advised: String?)] = [
      (0o600, nil), (0o640, nil), (0o400, nil), (0o440, nil), (0o644, "600"), (0o602, "600"), (0o666, "600"),
      (0o660, "640"), (0o620, "640"),
    ]
    for (mode, advised) in rows {
      let file = try folder.write("users-\(mode).yaml", text, mode: mode)
      switch UsersFile.load(path: file) {
      case .success: #expect(advised == nil, "\(mode)")
      case .failure(let diagnostics):
        #expect(advised.map { diagnostics.description.contains("chmod \($0) \(file)") } == true, "\(diagnostics)")
      }
    }
    guard case .failure(let missing) = UsersFile.load(path: folder.path + "/nowhere.yaml") else {
      Issue.record("a file that is not there")
      return
    }
    #expect(missing.description.contains("nowhere.yaml: cannot be read"))
    let configuration = """
      listeners: [{ address: 127.0.0.1:80 }]
      providers:
        local:
          issuer: http://127.0.0.1:8080
          audiences: [example]
          signing: { state: /nowhere/state }
          sign_in: { users_file: /nowhere/user.yaml }
      upstreams: { app: { builtin: echo } }
      routes: [{ path: /x, auth: local, upstream: app }]
      """
    #expect(
      ConfigurationTests.faults(configuration) == [
        "7:28: /nowhere/user.yaml: no such file; to make it: portcullis user add NAME --users-file /nowhere/user.yaml"
      ])
  }
}
