import Configuration
import Sockets
import Synchronization
import TestSupport
import Testing

@testable import SignIn

@Suite("Looking at a users file")
struct UsersWatcherTests {
  /// What a look at the file comes to, whatever is there.
  private enum Load: Sendable {
    case unreadable, folder, malformed
    case good(clients: Int)

    func result(_ path: String) -> Result<UsersFile, Diagnostics> {
      switch self {
      case .unreadable: return UsersFile.load(path: "/nonexistent/users.yaml")
      case .folder: return UsersFile.load(path: "/")
      case .malformed: return UsersFile.parse(Array("people: []".utf8), file: path)
      case .good(let clients):
        let hash = "$2y$04$\(String(repeating: "a", count: 21))u\(String(repeating: "a", count: 31))"
        let lines = (0..<clients).map { "  - id: c-\($0)\n    secret_hash: \(hash)\n" }
        return UsersFile.parse(Array("clients:\n\(lines.joined())".utf8), file: path)
      }
    }
  }

  /// A file that stays as it is, and a watcher whose reading of it comes to what the test says.
  private final class Scene: Sendable {
    let path: String
    private let next = Mutex(Load.malformed)
    private let count = Mutex(0)
    private let folder: TemporaryFolder

    init() throws {
      folder = try TemporaryFolder()
      path = try folder.write("users.yaml", "users: []")
    }

    func change(_ text: String = "changed") throws { _ = try folder.write("users.yaml", "users: [] # \(text)") }

    var loads: Int { count.withLock { $0 } }

    func watcher() -> UsersWatcher {
      UsersWatcher { [self] path in
        count.withLock { $0 += 1 }
        return next.withLock { $0 }.result(path)
      }
    }

    /// What the file says for one decision.
    func current(_ watcher: UsersWatcher, _ load: Load) -> Int? {
      next.withLock { $0 = load }
      return watcher.current(path: path, allowsDemo: false)?.clients.count
    }

    /// Two looks, between which the file stays as it is.
    func lookTwice(_ watcher: UsersWatcher, _ load: Load) -> (clients: Int?, said: [String]) {
      #expect(look(watcher, load) == (nil, []))
      return look(watcher, load)
    }

    /// - Returns: How many clients were taken, and what was said.
    func look(
      _ watcher: UsersWatcher, _ load: Load, isComplete: Bool = false, at second: Int64 = 0
    ) -> (clients: Int?, said: [String]) {
      next.withLock { $0 = load }
      var said: [String] = []
      let moment = MonotonicTime(nanoseconds: second * 1_000_000_000)
      let users = watcher.look(path: path, allowsDemo: false, isComplete: isComplete, now: moment) { event in
        switch event {
        case .usersUnusable(let why): said.append(why)
        case .usersChanged(_, _, let clients): said.append("\(clients) clients")
        default: Issue.record("\(event)")
        }
      }
      return (users?.clients.count, said)
    }
  }

  @Test("A file that could not be read is read again although it has not changed, and its fault is said once")
  func retried() throws {
    let scene = try Scene()
    let watcher = scene.watcher()
    #expect(scene.lookTwice(watcher, .good(clients: 1)) == (1, []))
    #expect(scene.look(watcher, .good(clients: 2)) == (nil, []))
    try scene.change()
    let fault = "/nonexistent/users.yaml: cannot be read: No such file or directory"
    #expect(scene.lookTwice(watcher, .unreadable) == (nil, [fault]))
    #expect(scene.look(watcher, .unreadable) == (nil, []))
    #expect(watcher.fault == fault && scene.loads == 3)
    // Another fault is news.
    #expect(scene.look(watcher, .folder) == (nil, ["/: is not a file"]))
    #expect(scene.look(watcher, .good(clients: 2)) == (2, ["2 clients"]))
    #expect(watcher.fault == nil)
    #expect(scene.look(watcher, .good(clients: 3)) == (nil, []))
    #expect(scene.loads == 5)
  }

  @Test("So it is where the first look fails")
  func first() throws {
    let scene = try Scene()
    let watcher = scene.watcher()
    #expect(scene.lookTwice(watcher, .folder) == (nil, ["/: is not a file"]))
    #expect(scene.look(watcher, .good(clients: 1)) == (1, ["1 clients"]))
  }

  @Test("One that changes after the first look is told although it was not read before")
  func news() throws {
    let scene = try Scene()
    let watcher = scene.watcher()
    #expect(scene.look(watcher, .good(clients: 1)) == (nil, []))
    try scene.change()
    #expect(scene.lookTwice(watcher, .good(clients: 2)) == (2, ["2 clients"]))
  }

  @Test("C-9: a file that changes from look to look may be half-written, and is not taken; one decision may read it")
  func written() throws {
    let scene = try Scene()
    let watcher = scene.watcher()
    #expect(scene.current(watcher, .good(clients: 1)) == 1)
    #expect(scene.lookTwice(watcher, .good(clients: 1)) == (1, []))
    #expect(scene.current(watcher, .good(clients: 2)) == nil)
    for length in 1...4 {
      try scene.change(String(repeating: "x", count: length))
      #expect(scene.look(watcher, .good(clients: 0)) == (nil, []))
      #expect(scene.current(watcher, .good(clients: 2)) == 2)
      #expect(scene.current(watcher, .malformed) == nil && watcher.fault == nil)
    }
    #expect(scene.look(watcher, .good(clients: 3)) == (3, ["3 clients"]))
    // What this process has written is complete.
    try scene.change("by itself")
    #expect(scene.look(watcher, .good(clients: 4), isComplete: true) == (4, ["4 clients"]))
  }

  @Test("One that changes at every look is read after some seconds, and again after as many")
  func restless() throws {
    let scene = try Scene()
    let watcher = scene.watcher()
    #expect(scene.lookTwice(watcher, .good(clients: 1)) == (1, []))
    for second: Int64 in 1...13 {
      try scene.change(String(repeating: "x", count: Int(second)))
      let taken: (clients: Int?, said: [String]) = second == 6 || second == 12 ? (2, ["2 clients"]) : (nil, [])
      #expect(scene.look(watcher, .good(clients: 2), at: second) == taken)
    }
  }

  @Test("What the file says is not read again before it has changed")
  func content() throws {
    let scene = try Scene()
    let watcher = scene.watcher()
    let fault = scene.lookTwice(watcher, .malformed)
    #expect(fault.clients == nil && fault.said.first?.hasPrefix("\(scene.path):1:1: ") == true)
    #expect(scene.look(watcher, .good(clients: 1)) == (nil, []))
    #expect(scene.loads == 1 && watcher.fault != nil)
    try scene.change()
    #expect(scene.lookTwice(watcher, .malformed) == fault)
  }
}
