import Configuration
import Dispatch
import Sockets
import Synchronization
import TestSupport
import Testing

@testable import SignIn

private let half = """
  users:
    - id: u-1
      username: alice
      password_hash: "$2y$04$kjmTwAVR2nylTIOiqa3uxuFW1ESaKb6qi1LcxyWCqiTC85MwNIrj2"

  """
private let whole = half + "    disabled: true\n"

@Suite("Changes of the users file")
struct UsersWatcherTests {
  @Test("C-9: a file that is written in place is taken once it rests: its first half lets nobody in")
  func halfWritten() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("users.yaml", whole)
    let watcher = UsersWatcher(rest: .seconds(1))
    #expect(isDisabled(look(watcher, path)) == true)
    try folder.write("users.yaml", half)
    let found = Mutex<UsersFile?>(nil)
    let done = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      let users = look(watcher, path)
      found.withLock { $0 = users }
      done.signal()
    }
    BlockingWork.sleep(.milliseconds(100))
    try folder.write("users.yaml", whole)
    done.wait()
    #expect(isDisabled(found.withLock { $0 }) == true)
    #expect(look(watcher, path) == nil, "nothing has changed since")
  }

  @Test("What is known to be complete is taken at once")
  func complete() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("users.yaml", half)
    let watcher = UsersWatcher(rest: .seconds(3600))
    #expect(isDisabled(look(watcher, path)) == false)
    try folder.write("users.yaml", whole)
    #expect(isDisabled(look(watcher, path, .known)) == true)
  }
}

private func look(
  _ watcher: UsersWatcher, _ path: String, _ completeness: UsersWatcher.Completeness = .assumedAfterRest
) -> UsersFile? {
  watcher.look(path: path, allowsDemo: true, completeness) { event in
    if case .usersChanged = event { return }
    Issue.record("\(event)")
  }
}

/// nil: there is no file to be taken.
private func isDisabled(_ users: UsersFile?) -> Bool? { users?.user(named: "alice")?.isDisabled }
