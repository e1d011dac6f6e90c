import Testing

@testable import Sockets

@Suite("Names of hosts")
struct NameLookupTests {
  @Test("A name of this machine", arguments: ["localhost", "LOCALHOST"])
  func localhost(_ name: String) throws {
    let found = try NameLookup.addresses(of: name, port: 8080).map(\.text)
    #expect(found.contains("127.0.0.1:8080"))
    #expect(Set(found).count == found.count && found == found.sorted())
  }

  @Test("What is connected to is what was found")
  func usable() throws {
    let listener = try ListeningSocket(try #require(SocketAddress(ipv4: "127.0.0.1", port: 0)), backlog: 1)
    let address = try #require(
      try NameLookup.addresses(of: "127.0.0.1", port: listener.port).first { $0.text == listener.text })
    _ = try Socket.connect(to: address)
  }

  @Test("What is not a name has no addresses, and why is said in words")
  func none() {
    #expect(throws: NameLookupError.self) { try NameLookup.addresses(of: "", port: 80) }
    #expect(!NameLookupError(code: -2).description.isEmpty)
    #expect(!NameLookupError(code: 12345).description.isEmpty)
  }
}
