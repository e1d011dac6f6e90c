import COpenSSL
import Sockets
import Testing

@testable import TLS

@Suite("What goes over a session")
struct SessionTests {
  private static func established(_ version: Int32 = TLS1_3_VERSION) throws -> Pair {
    let maker = try CertificateMaker("DNS:a.example")
    let certificate = try ServerCertificate(chainPEM: maker.pem, keyPEM: maker.keyPEM)
    let context = try TLSContext(TLSContext.Settings(certificates: [certificate], name: "one"), tickets: TicketKeys())
    let pair = try Pair(context, try Client(ClientSettings(trusts: maker, versions: version...version)))
    try #require(pair.handshake() == .done)
    return pair
  }

  @Test("Both ways", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func bothWays(_ version: Int32) throws {
    let pair = try SessionTests.established(version)
    #expect(pair.serverReads() == (.wouldBlock, []))
    let question = Array("a question".utf8)
    #expect(pair.clientWrites(question) == question.count)
    #expect(pair.serverReads() == (.bytes(question.count), question))
    #expect(pair.serverReads() == (.wouldBlock, []))
    let response = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    #expect(pair.serverWrites(response) == .bytes(response.count))
    #expect(pair.clientReads() == response)
  }

  @Test("What was read ahead is there without anything new on the socket")
  func smallReads() throws {
    let pair = try SessionTests.established()
    for part in ["one", "two", "three"] { #expect(pair.clientWrites(Array(part.utf8)) > 0) }
    var all: [UInt8] = []
    while case (.bytes, let bytes) = pair.serverReads(capacity: 2) { all += bytes }
    #expect(String(decoding: all, as: UTF8.self) == "onetwothree")
  }

  @Test("A write goes on where the peer's room has ended")
  func fullSocket() throws {
    let pair = try SessionTests.established()
    let piece = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 / 251) }
    var sent: [UInt8] = []
    var received: [UInt8] = []
    var lower = 0
    var wasFull = false
    while sent.count < 2_000_000 {
      switch pair.serverWrites(piece, from: lower) {
      case .bytes(let count):
        sent += piece[lower..<lower + count]
        lower = (lower + count) % piece.count
      case .wouldBlock:
        wasFull = true
        received += pair.clientReads(100_000)
      case .end, .failed: Issue.record("the write failed")
      }
    }
    received += pair.clientReads(.max)
    #expect(wasFull)
    #expect(received == sent)
  }

  @Test("A client may have its keys changed, also while there is no room for the answer to it")
  func keyUpdate() throws {
    let pair = try SessionTests.established()
    let piece = [UInt8](repeating: 7, count: 65_536)
    var sent = 0
    while case .bytes(let count) = pair.serverWrites(piece) { sent += count }
    #expect(pair.clientUpdatesKeys())
    #expect(pair.clientWrites([1]) == 1)
    var received = 0
    var read: [UInt8] = []
    for _ in 0..<100 where read.isEmpty {
      let (result, bytes) = pair.serverReads()
      if result == .wouldBlock { received += pair.clientReads(100_000).count }
      read += bytes
    }
    #expect(read == [1])
    // What was refused is to be offered again first.
    while received < sent { received += pair.clientReads().count }
    #expect(pair.serverWrites(piece) == .bytes(piece.count))
    #expect(pair.clientReads() == piece)
  }

  @Test("close_notify is said, heard, and not needed", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func ends(_ version: Int32) throws {
    let said = try SessionTests.established(version)
    #expect(said.serverEnds())
    #expect(said.clientSeesEnd)

    let heard = try SessionTests.established(version)
    heard.clientEnds()
    #expect(heard.serverReads().0 == .end)
    // The other half is open.
    #expect(heard.serverWrites([1]) == .bytes(1))
    #expect(heard.serverEnds())

    let cut = try SessionTests.established(version)
    _ = cut.clientWrites([1])
    _ = cut.clientReads()
    cut.clientCloses()
    #expect(cut.serverReads() == (.bytes(1), [1]))
    #expect(cut.serverReads().0 == .end)
  }

  @Test("What is no record breaks the session")
  func garbage() throws {
    let pair = try SessionTests.established()
    pair.clientSendsPlain("garbage garbage garbage garbage")
    guard case .failed = pair.serverReads().0 else {
      Issue.record("it was read")
      return
    }
    guard case .failed = pair.serverWrites([1]) else {
      Issue.record("it was written")
      return
    }
    #expect(pair.serverEnds())
  }
}
