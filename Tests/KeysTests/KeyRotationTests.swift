import Crypto
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Keys

@Suite("Rotation of the gateway's own keys")
struct KeyRotationTests {
  static let day: Int64 = 86_400
  static let hour: Int64 = 3600
  let rotation = KeyRotation(every: .seconds(90 * day), keepFor: .seconds(day))

  /// A folder with keys of these times.
  private func folder(
    _ times: [Int64], in parent: TemporaryFolder, more: [(SignatureAlgorithm, Int64)] = []
  ) throws -> SigningFolder {
    for (algorithm, time) in times.map({ (.eddsa, $0) }) + more {
      let kind: SigningKey.Kind = algorithm == .eddsa ? .ed25519 : .ellipticCurve(.p256)
      try parent.write("main.\(algorithm.rawValue).\(time).pem", SigningFolderTests.pem(kind))
    }
    return SigningFolder(path: parent.path, provider: "main", algorithm: .eddsa)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let times: [Int64]
    let now: Int64
    /// From when the key signs that is made; nil: none is.
    var made: Int64?
    var left: [Int64]
    /// The time of the key that signs.
    let signing: Int64
  }

  static let start: Int64 = 1_000_000_000
  static let due = start + 90 * day

  static let rows = [
    Row(testDescription: "a young key", times: [start], now: start + day, left: [start], signing: start),
    Row(
      testDescription: "a second before the next is made", times: [start], now: due - hour - 1, left: [start],
      signing: start),
    Row(
      testDescription: "made an hour ahead", times: [start], now: due - hour, made: due, left: [due, start],
      signing: start),
    Row(
      testDescription: "published, and waiting", times: [start, due], now: due - hour / 2, left: [due, start],
      signing: start),
    Row(testDescription: "its time has come", times: [start, due], now: due, left: [due, start], signing: due),
    Row(
      testDescription: "the old one is kept", times: [start, due], now: due + day + 179, left: [due, start],
      signing: due),
    Row(
      testDescription: "the old one goes", times: [start, due], now: due + day + 180, left: [due], signing: due),
    Row(
      testDescription: "a gateway that did not run for years", times: [start - day, start], now: start + 900 * day,
      made: start + 900 * day + hour, left: [start + 900 * day + hour, start], signing: start),
    Row(
      testDescription: "one was made while the clock was a year ahead", times: [start, start + 365 * day],
      now: due - hour, made: due, left: [start + 365 * day, due, start], signing: start),
  ]

  @Test("What is made, kept and deleted when", arguments: rows)
  func rotate(row: Row) throws {
    let parent = try TemporaryFolder()
    let folder = try folder(row.times, in: parent)
    let changes = try folder.rotate(rotation, now: row.now)
    #expect(changes.generated?.createdAt == row.made)
    let entries = try folder.load()
    #expect(entries.map(\.createdAt) == row.left)
    #expect(folder.inSigningOrder(entries, now: row.now).first?.createdAt == row.signing)
    #expect(changes.deleted.count == row.times.count + (row.made == nil ? 0 : 1) - row.left.count)
    // Whoever comes next finds nothing to do.
    let again = try folder.rotate(rotation, now: row.now)
    #expect(again.generated == nil && again.deleted.isEmpty)
    for entry in entries { try FileAccess.remove(entry.file) }
  }

  @Test("Keys of another algorithm stay, and the first of a new one signs at once")
  func otherAlgorithm() throws {
    let parent = try TemporaryFolder()
    let now = Self.start + 1000 * Self.day
    let folder = try folder([now + 3000], in: parent, more: [(.es256, Self.start), (.es256, Self.start + 5)])
    #expect(try folder.rotate(rotation, now: now).deleted.isEmpty)
    let keys = folder.inSigningOrder(try folder.load(), now: now)
    #expect(keys.map(\.createdAt) == [now + 3000, Self.start + 5, Self.start])
  }

  @Test("A folder of nobody's keys gets none")
  func empty() throws {
    let parent = try TemporaryFolder()
    let folder = SigningFolder(path: parent.path, provider: "main", algorithm: .eddsa)
    #expect(try folder.rotate(rotation, now: Self.start).generated == nil)
    #expect(try folder.load().isEmpty)
  }
}
