import Sockets
import Testing

@testable import Configuration
@testable import Proxy

@Suite("WorkerDeadlines")
struct WorkerDeadlinesTests {
  @Test("of earlier configurations' lists those stay in which connections stand, and no others")
  func earlierLists() throws {
    let loop = try EventLoop(label: "test")
    let connections = [Pollable(), Pollable()]
    var deadlines = WorkerDeadlines(TimeoutsConfiguration(), on: loop)
    deadlines.head.arm(connections[0])
    for seconds in 1...200 {
      var timeouts = TimeoutsConfiguration()
      timeouts.head = .seconds(1000 + seconds)
      timeouts.idle = .seconds(2000 + seconds)
      deadlines = deadlines.updated(timeouts, on: loop)
      if seconds == 100 { deadlines.idle.arm(connections[1]) }
    }
    #expect(deadlines.reading.count == 4)
    let standing = deadlines.reading.flatMap(\.entries)
    #expect(standing.count == 2 && connections.allSatisfy { connection in standing.contains { $0 === connection } })
    #expect([deadlines.head, deadlines.idle].allSatisfy { list in deadlines.reading.contains { $0 === list } })
    for connection in connections { connection.disarmDeadline() }
    deadlines = deadlines.updated(TimeoutsConfiguration(), on: loop)
    #expect(deadlines.reading.count == 2)
  }
}
