import Testing
import Tokens

@testable import Configuration

@Suite("Changes of users files")
struct UsersFileTextTests {
  private let hash = UsersFileTests.hash
  private let other = "$y$j75$6fLNT4RRUjywfwh8T6Lqh.$/f6WnSpoOJe7ZcFWF8l9RRu.9yFGVoZInIRS11NBHN2"

  private func text(_ text: String) throws -> UsersFileText {
    try UsersFileText(Array(text.utf8), path: "users.yaml")
  }

  private func user(_ name: String) -> NewUser { NewUser(id: "id-\(name)", username: name, passwordHash: hash) }

  @Test("The first user of a file, also after comments", arguments: ["", "# people\n", "# people"])
  func first(before: String) throws {
    var file = try text(before)
    var alice = NewUser(id: "u1", username: "it's: #1", passwordHash: hash)
    alice.roles = ["admin", "a, b", "true"]
    alice.claims = [
      ClaimMember(name: "tenant", value: .string("acme")), ClaimMember(name: "n", value: .string("3")),
      ClaimMember(name: "plan", value: .list([.integer(3), .string("true"), .boolean(true)])),
    ]
    try file.add([alice, user("bob")])
    let found = try UsersFile.parse(file.bytes, file: "users.yaml").get()
    #expect(found.users.map(\.username) == ["it's: #1", "bob"])
    #expect(found.users[0].roles == alice.roles)
    #expect(found.users[0].claims == alice.claims)
    #expect(String(decoding: file.bytes, as: UTF8.self).hasPrefix(before))
  }

  @Test(
    "A user is added behind the last, comments and order stay",
    arguments: [
      (
        """
        users:
          - id: a
            username: a
            password_hash: HASH # of May

        # programs
        clients:
          - { id: b, secret_hash: HASH }

        """, 4
      ),
      ("users:\n- id: a\n  username: a\n  password_hash: HASH\n  roles: [x,\n    y]   # two\n", 6),
      (
        """
        clients:
          - { id: b, secret_hash: HASH }
        users:
          - { id: a, username: "\u{E9}\u{2028}", password_hash: HASH }
        """, 4
      ),
    ])
  func adding(template: String, line: Int) throws {
    let before = template.split(separator: "HASH", omittingEmptySubsequences: false).joined(separator: hash)
    var file = try text(before)
    try file.add([user("carol")])
    let after = String(decoding: file.bytes, as: UTF8.self)
    var lines = after.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    #expect(lines[line].hasSuffix("- id: id-carol"))
    lines.removeSubrange(line...line + 2)
    #expect(lines.joined(separator: "\n") == before || lines.joined(separator: "\n") == before + "\n", "\(after)")
    #expect(try UsersFile.parse(file.bytes, file: "users.yaml").get().user(named: "carol") != nil)
  }

  @Test("A password is replaced where it stands, and nothing else")
  func password() throws {
    let template =
      "users:\n  - id: a # \u{1F600}\n    username: a\n    password_hash: \"HASH\"   # kept\n    roles: [x]\n"
    func with(_ hash: String) -> String {
      template.split(separator: "\"HASH\"", omittingEmptySubsequences: false).joined(separator: hash)
    }
    var file = try text(with("\"\(hash)\""))
    try file.setPasswordHash(other, of: "a")
    #expect(String(decoding: file.bytes, as: UTF8.self) == with(other))
    #expect(throws: UsersEditFault.self) { try file.setPasswordHash(other, of: "nobody") }
  }

  @Test("Disabled, enabled, and so twice")
  func disabling() throws {
    let before =
      "users:\n  - id: a\n    username: a\n    password_hash: \(hash) # x\n"
      + "  - { id: b, username: b, password_hash: \(hash) }\n"
    var file = try text(before)
    for name in ["a", "b"] {
      #expect(try file.enable(name) == false)
      #expect(try file.disable(name))
      #expect(try file.disable(name) == false)
      #expect(try UsersFile.parse(file.bytes, file: "users.yaml").get().user(named: name)?.isDisabled == true)
    }
    let both = String(decoding: file.bytes, as: UTF8.self)
    #expect(both.contains("# x\n    disabled: true\n  - {") && both.contains("\(hash), disabled: true }"))
    for name in ["a", "b"] { #expect(try file.enable(name)) }
    let found = try UsersFile.parse(file.bytes, file: "users.yaml").get()
    #expect(found.users.allSatisfy { !$0.isDisabled })
  }

  @Test("Of a program the secret is replaced where it stands, and it is disabled and enabled; a user of its name stays")
  func clients() throws {
    let before =
      "users:\n  - { id: u, username: a, password_hash: \(hash) }\n"
      + "clients:\n  - id: a # jobs\n    secret_hash: \(hash) # of May\n  - { id: b, secret_hash: \(hash) }\n"
    var file = try text(before)
    for id in ["a", "b"] { try file.setSecretHash(other, ofClient: id) }
    #expect(
      String(decoding: file.bytes, as: UTF8.self)
        == "users:\n  - { id: u, username: a, password_hash: \(hash) }\n"
        + "clients:\n  - id: a # jobs\n    secret_hash: \(other) # of May\n  - { id: b, secret_hash: \(other) }\n")
    for id in ["a", "b"] {
      #expect(try file.enable(client: id) == false)
      #expect(try file.disable(client: id))
      #expect(try file.disable(client: id) == false)
      let found = try UsersFile.parse(file.bytes, file: "users.yaml").get()
      #expect(found.client(id: id)?.isDisabled == true && found.users.allSatisfy { !$0.isDisabled })
    }
    for id in ["a", "b"] { #expect(try file.enable(client: id)) }
    #expect(try UsersFile.parse(file.bytes, file: "users.yaml").get().clients.allSatisfy { !$0.isDisabled })
    for id in ["u", "nobody", ""] {
      let fault = #expect(throws: UsersEditFault.self) { try file.setSecretHash(other, ofClient: id) }
      #expect(fault?.description == "users.yaml: there is no client \"\(id)\"")
      #expect(throws: UsersEditFault.self) { try file.disable(client: id) }
      #expect(throws: UsersEditFault.self) { try file.enable(client: id) }
    }
    #expect(throws: UsersEditFault.self) { try file.disable("b") }
  }

  @Test("What would not be right changes nothing")
  func refused() throws {
    let before = "users:\n  - id: a\n    username: a\n    password_hash: \(hash)\n"
    var file = try text(before)
    let fault = #expect(throws: UsersEditFault.self) { try file.add([user("b"), user("a")]) }
    #expect(
      fault?.description
        == "users.yaml:2: there is a user \"a\" already; to change its roles, permissions or scopes, edit them there; "
        + "portcullis user password sets another password")
    let other = NewUser(id: "a", username: "d", passwordHash: hash)
    #expect(throws: UsersEditFault.self) { try file.add([other]) }
    var long = user("c")
    long.scopes = ["a b"]
    #expect(throws: UsersEditFault.self) { try file.add([long]) }
    #expect(String(decoding: file.bytes, as: UTF8.self) == before)
    #expect(throws: Diagnostics.self) { try text("users: alice\n") }
    #expect(throws: Diagnostics.self) { try text("users: [\n") }
    var brackets = try text("users: [{ id: a, username: a, password_hash: \(hash) }]\n")
    #expect(throws: UsersEditFault.self) { try brackets.add([user("b")]) }
  }
}
