import Crypto
import Glibc
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Keys

@Suite("K-8: the folder of private keys")
struct SigningFolderTests {
  static func pem(_ kind: SigningKey.Kind = .ed25519) throws -> [UInt8] { try SigningKey.generate(kind).pem() }

  @Test("A key that is made is its owner's alone, and is found again", arguments: [SignatureAlgorithm.eddsa, .es256])
  func generate(algorithm: SignatureAlgorithm) throws {
    let parent = try TemporaryFolder()
    let folder = SigningFolder(path: parent.path, provider: "main", algorithm: algorithm)
    #expect(try folder.load().isEmpty)
    let made = try folder.generate(now: 1_750_000_000)
    #expect(made.file == "\(parent.path)/main.\(algorithm.rawValue).1750000000.pem")
    #expect(try TemporaryFolder.mode(of: made.file) == 0o600)
    let found = try folder.load()
    #expect(found.map(\.key.keyID) == [made.key.keyID])
    #expect(found.map(\.createdAt) == [1_750_000_000])
    #expect(found[0].key.algorithm == algorithm)
  }

  @Test("A missing folder is no fault, and is made for its owner alone")
  func missingFolder() throws {
    let parent = try TemporaryFolder()
    let path = parent.path + "/inner"
    // SAFETY: the path is NUL-terminated for the call.
    defer { _ = unsafe rmdir(path) }
    let folder = SigningFolder(path: path, provider: "main", algorithm: .eddsa)
    #expect(try folder.load().isEmpty)
    let (entries, generated) = try folder.loadOrGenerate(now: 7)
    let file = try #require(generated?.file)
    // SAFETY: as above.
    defer { _ = unsafe unlink(file) }
    #expect(entries.count == 1)
    #expect(try FileAccess.folderMode(path)?.mode == 0o700)
  }

  @Test("The newest key comes first; a key is made where the algorithm has none")
  func newestFirst() throws {
    let parent = try TemporaryFolder()
    try parent.write("main.EdDSA.5.pem", SigningFolderTests.pem())
    try parent.write("main.EdDSA.30.pem", SigningFolderTests.pem())
    try parent.write("main.ES256.10.pem", SigningFolderTests.pem(.ellipticCurve(.p256)))
    let folder = SigningFolder(path: parent.path, provider: "main", algorithm: .eddsa)
    let (entries, generated) = try folder.loadOrGenerate(now: 40)
    #expect(entries.map(\.createdAt) == [30, 10, 5])
    #expect(generated == nil)
    let other = SigningFolder(path: parent.path, provider: "main", algorithm: .es384)
    let (more, made) = try other.loadOrGenerate(now: 40)
    #expect(more.map(\.createdAt) == [40, 30, 10, 5])
    #expect(made?.key.algorithm == .es384)
  }

  @Test("A key is not made over another, but of the next second")
  func nameTaken() throws {
    let parent = try TemporaryFolder()
    let folder = SigningFolder(path: parent.path, provider: "main", algorithm: .eddsa)
    let first = try folder.generate(now: 1)
    let second = try folder.generate(now: 1)
    #expect(second.createdAt == 2)
    #expect(try folder.load().map(\.key.keyID) == [second.key.keyID, first.key.keyID])
  }

  @Test("Files of something else, or of another provider, are left alone")
  func otherFiles() throws {
    let parent = try TemporaryFolder()
    for name in [
      "README", "other.EdDSA.1.pem", "main.EdDSA.1.pem.bak", "main.EdDSA.pem", "main.none.1.pem", "main.EdDSA.x.pem",
      "main.EdDSA.1.2.pem", "main.EdDSA.-1.pem", "main.EdDSA.9223372036854775807.pem",
      "mainly.EdDSA.1.pem", ".main.EdDSA.1.pem",
    ] {
      try parent.write(name, [], mode: 0o644)
    }
    #expect(try SigningFolder(path: parent.path, provider: "main", algorithm: .eddsa).load().isEmpty)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    var name = "main.EdDSA.1.pem"
    var bytes: @Sendable () throws -> [UInt8] = { try SigningFolderTests.pem() }
    var fileMode: UInt32 = 0o600
    var folderMode: UInt32 = 0o700
    /// nil: the key is used.
    let fault: String?
    var testDescription: String { rule }
  }

  static let rows = [
    Row(rule: "K-8 0600", fault: nil),
    Row(rule: "K-8 0400", fileMode: 0o400, fault: nil),
    Row(rule: "K-8 the folder may be looked into", folderMode: 0o755, fault: nil),
    Row(rule: "K-8 0644", fileMode: 0o644, fault: "mode 644; nobody but its owner may read it"),
    Row(rule: "K-8 the group reads", fileMode: 0o640, fault: "mode 640"),
    Row(rule: "K-8 the group writes", fileMode: 0o620, fault: "mode 620"),
    Row(rule: "K-8 the others execute", fileMode: 0o601, fault: "mode 601"),
    Row(rule: "K-8 the group writes in the folder", folderMode: 0o770, fault: "may write in it: run chmod go-w"),
    Row(rule: "K-8 all write in the folder", folderMode: 0o702, fault: "mode 702"),
    Row(rule: "an empty file", bytes: { [] }, fault: "contains no private key"),
    Row(rule: "text", bytes: { Array("hello".utf8) }, fault: "contains no private key"),
    Row(
      rule: "T-1 a key of another type", bytes: { try SigningFolderTests.pem(.ellipticCurve(.p256)) },
      fault: "contains no private key for the algorithm in its name"),
    Row(
      rule: "T-1 a key of another curve", name: "main.ES384.1.pem",
      bytes: { try SigningFolderTests.pem(.ellipticCurve(.p256)) }, fault: "contains no private key"),
    Row(rule: "T-2 a name of HS256", name: "main.HS256.1.pem", fault: "contains no private key"),
  ]

  @Test("K-8: who else may read a key, or put another in its place", arguments: rows)
  func modes(row: Row) throws {
    let parent = try TemporaryFolder()
    try parent.write(row.name, row.bytes(), mode: row.fileMode)
    try TemporaryFolder.change(parent.path, mode: row.folderMode)
    let folder = SigningFolder(path: parent.path, provider: "main", algorithm: .eddsa)
    do throws(KeyFault) {
      #expect(try folder.load().count == 1)
      #expect(row.fault == nil)
    } catch {
      let fault = try #require(row.fault)
      #expect(error.description.contains(fault))
    }
  }

  @Test("A key that the superuser makes is the folder's owner's", .enabled(if: geteuid() == 0))
  func owner() throws {
    let parent = try TemporaryFolder()
    // SAFETY: the path is NUL-terminated for each call, which writes into `status` alone.
    try #require(unsafe chown(parent.path, 4711, 4712) == 0)
    // For the superuser the folder is another user's; who looks at it next is its owner.
    let made = try SigningFolder(path: parent.path, provider: "main", algorithm: .eddsa).generate(now: 1)
    var status = stat()
    try #require(unsafe stat(made.file, &status) == 0)
    #expect(status.st_uid == 4711 && status.st_gid == 4712)
    #expect(status.st_mode & 0o7777 == 0o600)
  }

  @Test("K-8: the gateway does not start with a key that others can read")
  func refusesToStart() throws {
    let parent = try TemporaryFolder()
    try parent.write("main.EdDSA.1.pem", SigningFolderTests.pem(), mode: 0o644)
    let source = KeySource(
      provider: "main", issuer: "https://idp.example", location: .signing(folder: parent.path, .eddsa))
    let error = try #require(throws: KeyStoreError.self) {
      try KeyStore(sources: [source], loop: RunningStore.loop()) { _ in }
    }
    #expect(error.description.contains("provider \"main\""))
    #expect(error.description.contains("mode 644"))
  }

  @Test("HS* has no key that could be made")
  func noSecrets() throws {
    let parent = try TemporaryFolder()
    let folder = SigningFolder(path: parent.path, provider: "main", algorithm: .hs256)
    #expect(throws: KeyFault.self) { try folder.generate(now: 1) }
    #expect(try FileAccess.names(in: parent.path).isEmpty)
  }
}
