import Testing

@testable import Proxy

struct ConnectionRoomTests {
  @Test("all that may be open at once fits", arguments: [0, 1, 17, 128, 1024, 131_072], [1, 2, 7, 64])
  func fits(descriptors: Int, loops: Int) {
    let room = ConnectionRoom(descriptors: descriptors, loops: loops)
    #expect(room.clients >= 1 && room.idleUpstreamsPerLoop >= 0)
    #expect(room.clients * 2 + room.idleUpstreamsPerLoop * loops <= max(descriptors, 2))
  }

  @Test("what clients are said to need has room for them, and one less has not", arguments: 1...2_000)
  func needs(clients: Int) {
    let needed = ConnectionRoom.descriptors(forClients: clients)
    #expect(ConnectionRoom(descriptors: needed, loops: 1).clients >= clients)
    #expect(clients == 1 || ConnectionRoom(descriptors: needed - 1, loops: 1).clients < clients)
  }

  @Test("connections that carry nothing are counted over all servers")
  func idle() {
    let together = IdleConnections(max: 2)
    #expect(together.take() && together.take() && !together.take())
    together.give()
    #expect(together.take() && !together.take())
    together.give(2)
    #expect(together.take())
  }
}
