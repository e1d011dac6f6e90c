import Configuration
import Foundation
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Gateway

/// A file of revoked tokens, and the gateway's view of it. Time passes as the test says.
private final class Scene {
  let folder: TemporaryFolder
  var file: RevocationFile
  private let start: MonotonicTime
  private var seconds: Int64 = 0

  init(_ text: String) throws {
    folder = try TemporaryFolder()
    try folder.write("revoked", text)
    let configuration = try Scene.configuration(folder)
    file = try #require(try RevocationFile.open(configuration).get())
    start = .current
  }

  static func configuration(_ folder: TemporaryFolder) throws -> GatewayConfiguration {
    try GatewayTests.configuration(
      providers: "  company: { issuer: https://a.example, audiences: [a], jwks_url: https://a.example/jwks }",
      "revocations: { file: \(folder.path)/revoked }")
  }

  func write(_ text: String, mode: UInt32 = 0o600) throws { try folder.write("revoked", text, mode: mode) }

  /// Looks `after` so many seconds more.
  func look(after: Int64 = 1) -> [String] {
    seconds += after
    return file.check(now: start + .seconds(seconds)).map { event in
      switch event {
      case .changed(_, let entries, let added, let removed): "\(entries) entries, \(added) added, \(removed) removed"
      case .failed(let diagnostics): "failed: \(diagnostics.list.first?.message ?? "")"
      case .recovered: "recovered"
      case .hangs, .hangsNoMore: "hangs"
      }
    }
  }

  func refuses(_ jti: String, provider: String = "company") -> Bool {
    file.inForce.kind(revoking: provider, jti: jti, subject: nil, keyID: nil) == .tokenID
  }
}

@Suite("The file of revoked tokens, as it is looked at again and again")
struct RevocationFileTests {
  @Test("At the start everything in it counts, and nothing is news")
  func start() throws {
    let scene = try Scene("# list\njti a\n[company]\njti b\n")
    #expect(scene.refuses("a") && scene.refuses("b") && !scene.refuses("b", provider: "other"))
    #expect(!scene.refuses("c"))
    for _ in 1...20 { #expect(scene.look().isEmpty) }
  }

  @Test("Where none is named there is none; one that cannot be read is a fault of the configuration")
  func open() throws {
    let none = try RevocationFile.open(configuration()).get()
    #expect(none == nil)
    let folder = try TemporaryFolder()
    let named = try Scene.configuration(folder)
    let fault = #expect(throws: Diagnostics.self) { try RevocationFile.open(named).get() }
    #expect(fault?.list.first?.file == "gateway.conf" && fault?.list.first?.position != nil)
    try folder.write("revoked", "jti a\nnonsense\n")
    let malformed = #expect(throws: Diagnostics.self) { try RevocationFile.open(named).get() }
    #expect(malformed?.list.first?.file.hasSuffix("/revoked") == true && malformed?.list.first?.position?.line == 2)
  }

  @Test("T-16: opened in the place of another, it lets in what is gone once it has rested; asked for as it is, at once")
  func opened() throws {
    let scene = try Scene("jti a\njti b\n")
    let before = scene.file.inForce
    try scene.write("jti c\n")
    let configuration = try Scene.configuration(scene.folder)
    scene.file = try #require(try RevocationFile.open(configuration, keeping: before).get())
    #expect(scene.refuses("a") && scene.refuses("b") && scene.refuses("c"))
    #expect(scene.look().isEmpty && scene.look(after: 8).isEmpty && scene.refuses("a"))
    #expect(scene.look(after: 3) == ["1 entries, 0 added, 2 removed"])
    #expect(!scene.refuses("a") && !scene.refuses("b") && scene.refuses("c"))
    scene.file = try #require(try RevocationFile.open(configuration).get())
    #expect(!scene.refuses("a") && scene.refuses("c"))
  }

  @Test("T-16: it has rested when it was seen so for ten seconds, or was not written to for so long; empty, for thirty")
  func rested() throws {
    let (written, now) = (WallClock.nanoseconds, MonotonicTime.current)
    let seconds: Int64 = 1_000_000_000
    let scene = try Scene("jti a\n")
    func rested(after: Int64, clock: Int64) -> Bool {
      scene.file.hasRested(now: now + .seconds(after), clock: written + clock * seconds)
    }
    #expect(!rested(after: 1, clock: 1) && rested(after: 1, clock: 12))
    // A clock that was set back says nothing.
    #expect(!rested(after: 1, clock: -100) && !rested(after: 8, clock: -100) && rested(after: 12, clock: -100))
    try scene.write("")
    _ = scene.look()
    #expect(!rested(after: 12, clock: 12) && !rested(after: 29, clock: 29) && rested(after: 1, clock: 40))
    #expect(rested(after: 40, clock: -100))
    try scene.write("nonsense\n")
    _ = scene.look()
    #expect(!rested(after: 100, clock: 100))
  }

  @Test("It is at fault from when that is told until it is good again")
  func fault() throws {
    let scene = try Scene("jti a\n")
    #expect(scene.file.fault == nil)
    try scene.write("jti a\njti b\nnonsense\n")
    #expect(scene.look().isEmpty && scene.look().count == 1)
    #expect(scene.file.fault?.list.first?.position?.line == 3)
    #expect(scene.look(after: 60).isEmpty && scene.file.fault != nil && !scene.refuses("b"))
    try scene.write("jti a\njti b\n")
    _ = (scene.look(), scene.look())
    #expect(scene.file.fault == nil && scene.refuses("b"))
  }

  @Test("What is new counts at once; what is gone is let in once the file has rested for ten seconds")
  func replaced() throws {
    let scene = try Scene("jti a\n")
    try scene.write("jti b\n")
    #expect(scene.look() == ["2 entries, 1 added, 0 removed"])
    #expect(scene.refuses("a") && scene.refuses("b"))
    #expect(scene.look(after: 9).isEmpty && scene.refuses("a"))
    #expect(scene.look() == ["1 entries, 0 added, 1 removed"])
    #expect(!scene.refuses("a") && scene.refuses("b"))
    #expect(scene.look().isEmpty)
  }

  @Test("A file that is empty may be about to be written: it has to rest for thirty seconds")
  func emptied() throws {
    let scene = try Scene("jti a\n")
    try scene.write("")
    #expect(scene.look().isEmpty && scene.look(after: 29).isEmpty && scene.refuses("a"))
    #expect(scene.look() == ["0 entries, 0 added, 1 removed"] && !scene.refuses("a"))
  }

  @Test("One that is written to on and on has nothing let in")
  func neverRests() throws {
    let scene = try Scene("jti a\n")
    for number in 1...5 {
      try scene.write("jti \(number)\n")
      #expect(scene.look(after: 9) == ["\(number + 1) entries, 1 added, 0 removed"])
      #expect(scene.refuses("a"))
    }
  }

  struct Fault: CustomTestStringConvertible, Sendable {
    let message: String
    let make: @Sendable (TemporaryFolder) throws -> Void
    var testDescription: String { message }
  }

  @Test(
    "A file that cannot be used changes nothing, which is said once, and so is its end",
    arguments: [
      Fault(message: "No such file") { try $0.remove("revoked") },
      Fault(message: "is not a regular file") {
        try $0.remove("revoked")
        try FileManager.default.createDirectory(atPath: "\($0.path)/revoked", withIntermediateDirectories: false)
      },
      Fault(message: "has mode 602") { try $0.write("revoked", "jti b\n", mode: 0o602) },
      Fault(message: "neither jti, sub, kid nor sid") { try $0.write("revoked", "jti b\njit a\n") },
      Fault(message: "no value") { try $0.write("revoked", "jti b\njti\n") },
    ])
  func faults(fault: Fault) throws {
    let scene = try Scene("jti a\n")
    try fault.make(scene.folder)
    // It may be mended at the next look.
    #expect(scene.look().isEmpty)
    let said = scene.look()
    #expect(said.count == 1 && said[0].hasPrefix("failed: ") && said[0].contains(fault.message), "\(said)")
    #expect(scene.look(after: 60).isEmpty)
    #expect(scene.refuses("a") && !scene.refuses("b"))
    try? scene.folder.remove("revoked")
    try scene.write("jti a\njti c\n")
    #expect(scene.look() == ["2 entries, 1 added, 0 removed"] && scene.refuses("c"))
    #expect(scene.look() == ["recovered"])
    #expect(scene.look().isEmpty && scene.look(after: 60).isEmpty)
  }

  @Test("A fault that is another one each time is said too, once it has lasted")
  func restless() throws {
    let scene = try Scene("jti a\n")
    var said: [String] = []
    for number in 1...7 {
      try scene.write(String(repeating: "#\n", count: number) + "nonsense\n")
      said += scene.look()
    }
    #expect(said.count == 1 && said[0].hasPrefix("failed: neither"), "\(said)")
  }

  @Test("Group and owner may write it; others may not")
  func modes() throws {
    let scene = try Scene("jti a\n")
    try scene.write("jti a\njti b\n", mode: 0o664)
    #expect(scene.look() == ["2 entries, 1 added, 0 removed"])
  }
}
