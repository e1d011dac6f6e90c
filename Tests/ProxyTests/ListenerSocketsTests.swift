import Glibc
import Sockets
import TestSupport
import Testing

@testable import Configuration
@testable import Proxy

@Suite("ListenerSockets")
struct ListenerSocketsTests {
  private let any = ListenAddress.ipv4("127.0.0.1", port: 0)

  private func sockets(_ count: Int) throws -> [ListeningSocket] {
    var made: [ListeningSocket] = []
    while made.count < count {
      let address = try #require(SocketAddress(ipv4: "127.0.0.1", port: made.first?.port ?? 0))
      made.append(try ListeningSocket(address, backlog: 8))
    }
    return made
  }

  @Test("each loop has a socket of its own; what is over is accepted from by all", arguments: 1...4, 1...4)
  func sharing(workers: Int, inherited: Int) throws {
    let given = try sockets(inherited)
    let made = try ListenerSockets([ListenerConfiguration(address: any)], workers: workers, inherited: given)
    #expect(made.all.count == max(workers, inherited))
    #expect(given.allSatisfy { socket in made.all.contains { $0 === socket } })
    #expect(made.addresses == ["127.0.0.1:\(given[0].port)"])
    for loop in 0..<workers {
      #expect(made.shares[loop].filter { !$0.isShared }.map { made.all.firstIndex(of: $0.socket) } == [loop])
      #expect(made.shares[loop].filter(\.isShared).count == max(inherited - workers, 0))
    }
  }

  @Test("a path has one socket, for all loops")
  func unix() throws {
    let given = try sockets(1)
    let path = ListenAddress.unix("/tmp/portcullis-test-\(given[0].port).sock")
    let made = try ListenerSockets([ListenerConfiguration(address: path)], workers: 3, inherited: [])
    #expect(made.all.count == 1)
    #expect(made.shares.allSatisfy { $0.count == 1 && $0[0].isShared && $0[0].socket === made.all[0] })
    let next = try ListenerSockets([ListenerConfiguration(address: path)], workers: 1, inherited: made.all)
    #expect(next.all.count == 1 && next.all[0] === made.all[0] && next.unused.isEmpty)
  }

  @Test("a path that was deleted is made again; what waits there is left to the process that has the socket")
  func deletedPath() throws {
    let folder = try TemporaryFolder()
    let path = ListenAddress.unix(folder.path + "/a.sock")
    let before = try ListenerSockets([ListenerConfiguration(address: path)], workers: 1, inherited: [])
    #expect(unsafe unlink(folder.path + "/a.sock") == 0)
    let next = try ListenerSockets(
      [ListenerConfiguration(address: path)], workers: 1, inherited: before.all)
    #expect(next.all.count == 1 && next.all[0] !== before.all[0] && next.unused.isEmpty)
    #expect(try FileAccess.names(in: folder.path) == ["a.sock"])
  }

  @Test("a path that the system has no room for is said, and not as a success")
  func longPath() {
    let path = ListenAddress.unix("/tmp/" + String(repeating: "a", count: 120))
    do throws(ServerError) {
      _ = try ListenerSockets([ListenerConfiguration(address: path)], workers: 1, inherited: [])
      Issue.record("it listens")
    } catch {
      #expect(error.description == "cannot listen on \(path): the system has no such address")
    }
  }

  @Test("an address takes its own before port 0 takes any; what no listener has is left over")
  func matching() throws {
    let (first, second, third) = (try sockets(1), try sockets(2), try sockets(1))
    let exact = ListenAddress.ipv4("127.0.0.1", port: first[0].port)
    let listeners = [ListenerConfiguration(address: any), ListenerConfiguration(address: exact)]
    let made = try ListenerSockets(listeners, workers: 2, inherited: first + second + third)
    #expect(made.addresses == ["127.0.0.1:\(second[0].port)", "127.0.0.1:\(first[0].port)"])
    #expect(made.unused.count == 1 && made.unused[0] === third[0])
  }

  @Test("one place is written in several ways")
  func places() throws {
    let short = try #require(SocketAddress(ipv6: "::1", port: 80)).place
    #expect(short == SocketAddress(ipv6: "0:0::0:1", port: 80)?.place)
    #expect(short.description == "[::1]:80")
    #expect(short != SocketAddress(ipv6: "::1", port: 81)?.place)
    #expect(short != SocketAddress(ipv4: "127.0.0.1", port: 80)?.place)
    let path = try #require(SocketAddress(unix: "/run/a.sock")).place
    #expect(path.path == "/run/a.sock" && path.description == "unix:/run/a.sock")
  }
}

extension [ListeningSocket] {
  fileprivate func firstIndex(of socket: ListeningSocket) -> Int? { firstIndex { $0 === socket } }
}
