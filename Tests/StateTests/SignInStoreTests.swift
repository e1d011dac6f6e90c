import Dispatch
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import State

@Suite("Sign-ins on disk")
struct SignInStoreTests {
  let folder: StoreFolder

  init() throws { folder = try StoreFolder() }
  let terms = RefreshTerms(graceSeconds: 10, idleSeconds: 1000, tokenSeconds: 600)

  @Test("C-10: a refresh token is good once, and the next one after it")
  func rotation() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    #expect(try store.use(1, next: 2, at: 200) == .rotated(record("s1", usedAt: 200)))
    #expect(try store.use(2, next: 3, at: 300) == .rotated(record("s1", usedAt: 300)))
  }

  @Test("C-10: within the grace the one before gets an access token, later it ends the sign-in")
  func reuse() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    _ = try store.use(1, next: 2, at: 200)
    #expect(try store.use(1, next: 9, at: 210) == .repeated(record("s1", usedAt: 200)))
    #expect(try store.use(2, next: 3, at: 210) == .rotated(record("s1", usedAt: 210)))
    #expect(try store.use(2, next: 9, at: 221) == .reused(record("s1", usedAt: 210)))
    #expect(try store.use(3, next: 4, at: 222) == .refused)
    #expect(try store.newlyEnded().map(\.id) == ["s1"])
  }

  @Test("One that was made for nothing goes again; what was there, is open elsewhere or was written to stays")
  func discarded() throws {
    var store = try folder.open()
    store.discard()
    // Nothing else is left of it.
    #expect(unsafe rmdir(folder.path) == 0)
    store = try folder.open()
    let other = try folder.open()
    store.discard()
    #expect(store.isAt(folder.file))
    try other.signIn("s1", token: 1)
    #expect(try other.use(1, next: 2, at: 200).name == "rotated")
    other.discard()
    #expect(store.isAt(folder.file))
    let next = try StoreFolder()
    let first = try next.open()
    do {
      let command = try next.open()
      try command.signIn("s1", token: 1)
    }
    first.discard()
    #expect(first.isAt(next.file))
  }

  @Test("C-10: a clock that is set back stretches the grace by no more than itself")
  func graceWhereTheClockIsSetBack() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    _ = try store.use(1, next: 2, at: 900)
    #expect(try store.use(1, next: 9, at: 890) == .repeated(record("s1", usedAt: 900)))
    #expect(try store.use(1, next: 9, at: 889) == .reused(record("s1", usedAt: 900)))
    #expect(try store.use(2, next: 3, at: 889) == .refused)
  }

  @Test("C-10: a token that was replaced long ago ends the sign-in too, and one of nobody does nothing")
  func oldReuse() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    for token in 1..<50 { _ = try store.use(UInt8(token), next: UInt8(token + 1), at: 100 + Int64(token)) }
    #expect(try store.use(1, next: 2, at: 160, family: 7) == .refused)
    #expect(try store.use(1, next: 2, at: 160) == .reused(record("s1", usedAt: 149)))
    #expect(try store.use(50, next: 51, at: 161) == .refused)
  }

  @Test("C-10: several tokens that were replaced within the grace get access tokens")
  func graceOfSeveral() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    for token in 1..<4 { _ = try store.use(UInt8(token), next: UInt8(token + 1), at: 200 + Int64(token)) }
    for token in 1..<4 {
      #expect(try store.use(UInt8(token), next: 9, at: 211) == .repeated(record("s1", usedAt: 203)))
    }
    #expect(try store.use(1, next: 9, at: 212) == .reused(record("s1", usedAt: 203)))
  }

  @Test("C-10: whose answer was lost goes on, until a successor is used")
  func lostAnswer() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    let once = RefreshTerms.Replacement.onceSuccessorIsUsed
    // The same browser, in several tabs and again later: it may keep any of what comes.
    for (next, at) in [(2, 200), (3, 201), (4, 230), (5, 800)] as [(UInt8, Int64)] {
      #expect(try store.use(1, next: next, at: at, once).name == "rotated")
    }
    #expect(try store.use(3, next: 6, at: 1000, once).name == "rotated")
    // Now it has been replaced, and the others with it.
    for token in [1, 2, 4, 5] as [UInt8] {
      #expect(try store.use(token, next: 9, at: 1010, once).name == "repeated", "\(token)")
    }
    #expect(try store.use(3, next: 7, at: 1011, once).name == "rotated")
    #expect(try store.use(1, next: 9, at: 1011, once).name == "reused")
    #expect(try store.use(7, next: 9, at: 1011) == .refused)
  }

  @Test("C-10: whoever has a copy is found out, however often and by whom it is used", arguments: [10, 60, 599])
  func stolen(thiefEvery seconds: Int64) throws {
    let store = try folder.open()
    let once = RefreshTerms.Replacement.onceSuccessorIsUsed
    // The thief uses the copy alone, and never what comes of it; the victim what it got last, every 600 s.
    try store.signIn("s1", token: 1)
    var (victims, next) = (UInt8(1), UInt8(2))
    var found: String?
    for at in stride(from: Int64(200), to: 2000, by: 1) where found == nil {
      if at % seconds == 0 {
        let outcome = try store.use(1, next: next, at: at, once)
        next += 1
        if outcome.name == "reused" { found = "\(at)" }
      }
      if at % 600 == 7, found == nil {
        let outcome = try store.use(victims, next: next, at: at, once)
        victims = next
        next += 1
        if outcome.name == "reused" { found = "\(at)" }
      }
    }
    #expect(found.flatMap { Int($0) }.map { $0 <= 600 + 7 + 600 + 600 } == true, "\(String(describing: found))")
  }

  @Test("C-10: of two who hold successors, the second to come is found out", arguments: [false, true])
  func twoSuccessors(copyFirst: Bool) throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    let once = RefreshTerms.Replacement.onceSuccessorIsUsed
    _ = try store.use(1, next: 2, at: 200, once)
    _ = try store.use(1, next: 3, at: 800, once)
    let (first, second): (UInt8, UInt8) = copyFirst ? (2, 3) : (3, 2)
    #expect(try store.use(first, next: 4, at: 1000, once).name == "rotated")
    #expect(try store.use(second, next: 5, at: 1011, once).name == "reused")
    #expect(try store.use(4, next: 5, at: 1011) == .refused)
  }

  @Test("C-10: a successor that is used at once is replaced at once")
  func successorAtOnce() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    _ = try store.use(1, next: 2, at: 200, .onceSuccessorIsUsed)
    #expect(try store.use(2, next: 3, at: 203) == .rotated(record("s1", usedAt: 203)))
    for token in [1, 2] as [UInt8] {
      #expect(try store.use(token, next: 9, at: 213) == .repeated(record("s1", usedAt: 203)))
    }
    #expect(try store.use(3, next: 4, at: 213) == .rotated(record("s1", usedAt: 213)))
    #expect(try store.use(2, next: 9, at: 214) == .reused(record("s1", usedAt: 213)))
  }

  @Test("A sign-in that is not used ends, and one ends however often it is used")
  func lifetimes() throws {
    let store = try folder.open()
    try store.signIn("idle", token: 1)
    #expect(try store.use(1, next: 2, at: 1101) == .refused)
    #expect(try store.listed(at: 1101).isEmpty)
    try store.signIn("old", token: 3, family: 2)
    #expect(try store.use(3, next: 4, at: 900, family: 2) == .rotated(record("old", usedAt: 900)))
    #expect(try store.use(4, next: 5, at: 1800, family: 2) == .rotated(record("old", usedAt: 1800)))
    #expect(try store.use(5, next: 6, at: 2000, family: 2) == .refused)
  }

  @Test("A sign-in is of one provider")
  func providers() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    #expect(try store.use(1, next: 2, at: 200, provider: "other") == .refused)
    #expect(try outcome { store.end(id: "s1", provider: "other", now: 200, completion: $0) } == false)
    #expect(try store.use(1, next: 2, at: 200) == .rotated(record("s1", usedAt: 200)))
  }

  @Test("Ending: one, all of a user, none that has ended")
  func ending() throws {
    let store = try folder.open()
    for (number, name) in ["s1", "s2", "s3"].enumerated() {
      try store.signIn(name, token: UInt8(number + 1), family: UInt8(number + 1))
    }
    #expect(try outcome { store.end(id: "s2", provider: "local", now: 150, completion: $0) })
    #expect(try outcome { store.end(id: "s2", provider: "local", now: 151, completion: $0) } == false)
    #expect(try outcome { store.end(id: "nobody", provider: "local", now: 151, completion: $0) } == false)
    #expect(try store.listed(at: 160).map(\.id).sorted() == ["s1", "s3"])
    let others = try outcome { store.endAll(subject: "u1", provider: "local", now: 160, completion: $0) }
    #expect(others.sorted() == ["s1", "s3"])
    #expect(try store.newlyEnded().map(\.id) == ["s2", "s1", "s3"])
    #expect(try store.use(3, next: 4, at: 170, family: 3) == .refused)
  }

  @Test("All tokens that a program gets with one secret are of one sign-in, until it has ended or the last has expired")
  func programs() throws {
    let store = try folder.open()
    #expect(try store.goOn("a", secret: 1, at: 100) == "a")
    #expect(try store.goOn("b", secret: 1, at: 400) == "a")
    #expect(try store.goOn("c", secret: 1, at: 999) == "a")
    let listed = try store.listed(at: 999)
    #expect(listed.map(\.authenticatedAt) == [100] && listed.map(\.lastUsedAt) == [999])
    #expect(listed.map(\.expiresAt) == [1599] && listed.map(\.tokensUntil) == [1599])
    // Another secret, program or provider.
    #expect(try store.goOn("d", secret: 2, at: 1000) == "d")
    #expect(try store.goOn("e", secret: 1, at: 1000, of: "other") == "e")
    #expect(try store.goOn("f", secret: 1, at: 1000, provider: "other") == "f")
    // A clock that is set back shortens nothing.
    #expect(try store.goOn("g", secret: 1, at: 500) == "a")
    #expect(try store.listed(at: 1598).map(\.id).contains("a"))
    #expect(try outcome { store.endAll(subject: "batch", provider: "local", now: 1000, completion: $0) } == ["a", "d"])
    let ended = try store.newlyEnded()
    #expect(ended.map(\.id) == ["a", "d"])
    #expect(ended.map(\.until) == [1599 + EndedSignIn.clockSlackSeconds, 1600 + EndedSignIn.clockSlackSeconds])
    // What has ended has no further tokens, nor has one whose last token has expired.
    #expect(try store.goOn("h", secret: 1, at: 1000) == "h")
    #expect(try store.goOn("i", secret: 1, at: 1600) == "i")
    #expect(try store.newlyEnded().isEmpty)
  }

  @Test("What was acknowledged is there for the next one that opens the file")
  func reopening() throws {
    do {
      let store = try folder.open()
      try store.signIn("s1", token: 1)
      _ = try store.use(1, next: 2, at: 200)
    }
    let store = try folder.open()
    #expect(try store.listed(at: 200) == [record("s1", usedAt: 200)])
    #expect(try store.use(2, next: 3, at: 300) == .rotated(record("s1", usedAt: 300)))
  }

  @Test("Another process's change is noticed, and our own, and nothing else")
  func watching() throws {
    let (store, other) = (try folder.open(), try folder.open())
    try store.signIn("s1", token: 1)
    let noticed = DispatchSemaphore(value: 0)
    store.watch(every: .milliseconds(10), changed: { noticed.signal() }, failed: { Issue.record($0) })
    #expect(noticed.wait(timeout: .now() + .seconds(20)) == .success)
    #expect(noticed.wait(timeout: .now() + .milliseconds(200)) == .timedOut)
    #expect(try outcome { other.end(id: "s1", provider: "local", now: 200, completion: $0) })
    #expect(noticed.wait(timeout: .now() + .seconds(20)) == .success)
    #expect(try store.newlyEnded().map(\.id) == ["s1"])
  }

  @Test("What has expired and cannot be deleted is said each minute: the file grows")
  func undeletable() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    let said = Mutex<[String]>([])
    store.watch(every: .seconds(3600), changed: {}, failed: { fault in said.withLock { $0.append("\(fault)") } })
    try SQLiteDatabase(path: folder.file).run("DROP TABLE ended")
    for (token, time) in [(1, 200), (2, 210), (3, 300)] as [(UInt8, Int64)] {
      #expect(try store.use(token, next: token + 1, at: time) == .rotated(record("s1", usedAt: time)))
    }
    // Behind the deletion that follows the last one.
    #expect(try store.listed(at: 300).count == 1)
    let fault = "what has expired could not be deleted: SQL logic error: no such table: ended"
    #expect(said.withLock { $0 } == [fault, fault])
  }

  @Test("What has ended is told once, in its order, whoever ended it and whatever their clocks say")
  func toldOnce() throws {
    let (store, other) = (try folder.open(), try folder.open())
    for number in 0..<5 as Range<UInt8> { try store.signIn("s\(number)", token: number, family: number) }
    func end(_ store: SQLiteSignInStore, _ id: String, _ now: Int64) throws {
      #expect(try outcome { store.end(id: id, provider: "local", now: now, completion: $0) })
    }
    #expect(try other.newlyEnded().isEmpty)
    try end(store, "s3", 1900)
    try end(other, "s1", -5)
    #expect(try other.newlyEnded().map(\.id) == ["s3", "s1"])
    #expect(try other.newlyEnded().isEmpty)
    try end(store, "s4", -1_000_000)
    #expect(try other.newlyEnded().map(\.id) == ["s4"])
    // Whoever begins learns of all; also of what went on when the others began.
    #expect(try folder.open().newlyEnded().map(\.id) == ["s3", "s1", "s4"])

    // What is new has a number of its own where all before it was forgotten.
    let database = try SQLiteDatabase(path: folder.file)
    try database.run("DELETE FROM ended")
    try end(store, "s0", 200)
    #expect(try other.newlyEnded().map(\.id) == ["s0"])
  }

  @Test("What could not be read of what has ended is told the next time")
  func toldLater() throws {
    let (store, other) = (try folder.open(), try folder.open())
    try store.signIn("a", token: 1)
    #expect(try outcome { store.end(id: "a", provider: "local", now: 200, completion: $0) })
    let database = try SQLiteDatabase(path: folder.file)
    try database.run("ALTER TABLE ended RENAME TO elsewhere")
    #expect(throws: StoreFault.self) { try other.newlyEnded() }
    try database.run("ALTER TABLE elsewhere RENAME TO ended")
    #expect(try other.newlyEnded().map(\.id) == ["a"])
  }

  @Test("A file of it that is deleted or replaced is noticed", arguments: ["", "-wal", "-shm"])
  func deletedFile(name: String) throws {
    let (store, other) = (try folder.open(), try folder.open())
    try store.signIn("s1", token: 1)
    let (path, kept) = (folder.file + name, folder.path + "/kept")
    // SAFETY: paths are NUL-terminated for the calls.
    #expect(unsafe rename(path, kept) == 0)
    let deleted = #expect(throws: StoreFault.self) { try store.listed(at: 200) }
    #expect(deleted?.description.contains("\(path) was deleted") == true, "\(String(describing: deleted))")
    try folder.write("local.sign-ins.db\(name)", "")
    let replaced = #expect(throws: StoreFault.self) { try other.signIn("s2", token: 2) }
    #expect(replaced?.description.contains("\(path) was replaced") == true, "\(String(describing: replaced))")
    // SAFETY: paths are NUL-terminated for the calls.
    #expect(unsafe rename(kept, path) == 0)
    #expect(try store.listed(at: 200).map(\.id) == ["s1"])
  }

  @Test("What other connections do, write-ahead log and closing included, is no deletion")
  func otherConnections() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    do {
      let database = try SQLiteDatabase(path: folder.file)
      try database.run("PRAGMA wal_checkpoint(TRUNCATE)")
      try database.run("VACUUM")
    }
    #expect(try store.listed(at: 200).map(\.id) == ["s1"])
  }

  @Test("Opening it once more, as a reload may, takes no lock away: others would take it for unused")
  func locks() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    #expect(try isLocked(folder.file))
    let again = try folder.open()
    #expect(try isLocked(folder.file))
    let link = folder.path + "/../link"
    // SAFETY: paths are NUL-terminated for the call.
    #expect(unsafe symlink(folder.path, link) == 0)
    #expect(store.isAt(folder.file) && again.isAt(link + "/local.sign-ins.db") && !store.isAt(link + "/other.db"))
    #expect(try store.listed(at: 200).map(\.id) == ["s1"])
  }

  /// Whether this process holds a lock on the file, as others see it.
  private func isLocked(_ path: String) throws -> Bool {
    var status = stat()
    // SAFETY: paths are NUL-terminated for the calls, which write into `status` and `bytes` alone.
    try #require(unsafe stat(path, &status) == 0)
    let locks = unsafe open("/proc/locks", O_RDONLY | O_CLOEXEC)
    try #require(locks >= 0)
    defer { close(locks) }
    var text: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe read(locks, &bytes, bytes.count)
      try #require(count >= 0)
      if count == 0 { break }
      text += bytes[..<count]
    }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").contains {
      $0.contains(" \(getpid()) ") && $0.contains(":\(status.st_ino) ")
    }
  }

  @Test("L-3: nobody but the owner may read it, nor its companions")
  func modes() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    for name in ["", "-wal", "-shm"] { #expect(try TemporaryFolder.mode(of: folder.file + name) == 0o600, "\(name)") }
  }

  @Test("L-3: a file that others may read is refused, and so is a link")
  func openFile() throws {
    _ = try folder.open()
    // SAFETY: paths are NUL-terminated for the calls.
    #expect(unsafe chmod(folder.file, 0o640) == 0)
    let fault = #expect(throws: StoreFault.self) { try folder.open() }
    #expect(fault?.description.contains("chmod 600") == true)
    _ = unsafe chmod(folder.file, 0o600)
    let link = folder.path + "/link.db"
    #expect(unsafe symlink(folder.file, link) == 0)
    #expect(throws: StoreFault.self) { try SQLiteSignInStore(path: link) }
  }

  @Test("A folder on the way may be a link, as /var/run is one")
  func linkedFolder() throws {
    let store = try folder.open()
    try store.signIn("a", token: 1)
    let other = try TemporaryFolder()
    let link = other.path + "/link"
    // SAFETY: paths are NUL-terminated for the calls.
    #expect(unsafe symlink(folder.path, link) == 0)
    #expect(try SQLiteSignInStore(path: link + "/local.sign-ins.db").listed(at: 200).map(\.id) == ["a"])
  }

  @Test("A newer version's file, another program's and what is not a database are refused")
  func versions() throws {
    _ = try folder.open()
    do {
      let database = try SQLiteDatabase(path: folder.file)
      try database.run("PRAGMA user_version = 99")
    }
    let fault = #expect(throws: StoreFault.self) { try folder.open() }
    #expect(fault?.description.contains("newer version") == true, "\(String(describing: fault))")
    do {
      let database = try SQLiteDatabase(path: folder.file)
      try database.run("PRAGMA user_version = 1")
    }
    let older = #expect(throws: StoreFault.self) { try folder.open() }
    #expect(older?.description.contains("never released") == true, "\(String(describing: older))")

    let foreign = folder.path + "/foreign.db"
    do {
      let database = try SQLiteDatabase(path: foreign)
      try database.run("CREATE TABLE things (name TEXT)")
    }
    #expect(throws: StoreFault.self) { try SQLiteSignInStore(path: foreign) }
    try folder.write("text.db", "this is not a database, whatever it is called, and it is long enough")
    #expect(throws: StoreFault.self) { try SQLiteSignInStore(path: folder.path + "/text.db") }
  }

  @Test("C-9: an ended sign-in is remembered as long as a token of it may be good, whatever is made later")
  func tokensUntil() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    _ = try store.use(1, next: 2, at: 1000)
    _ = try store.use(2, next: 3, at: 1990, tokenSeconds: 600)
    // In the grace another token is given out.
    _ = try store.use(2, next: 9, at: 1999, tokenSeconds: 700)
    // Its time is over, and its tokens are not.
    #expect(try store.listed(at: 2100).isEmpty)
    #expect(try outcome { store.end(id: "s1", provider: "local", now: 2100, completion: $0) })
    #expect(try store.newlyEnded() == [EndedSignIn(id: "s1", provider: "local", until: 2699 + 3600)])
    try store.signIn("s2", token: 1, family: 2)
    _ = try store.use(1, next: 2, at: 500, family: 2, tokenSeconds: 10)
    _ = try outcome { store.endAll(subject: "u1", provider: "local", now: 600, completion: $0) }
    #expect(try store.newlyEnded() == [EndedSignIn(id: "s2", provider: "local", until: 700 + 3600)])
  }

  @Test(
    "What a command notes is told to every process, as it was noted, and ends nothing",
    arguments: [
      EndingNote(.subject("u 1 é"), count: 3), EndingNote(.subject(""), count: 1), EndingNote(.signIn("s-1"), count: 1),
      EndingNote(.several, count: 12),
    ])
  func notes(note: EndingNote) throws {
    let (store, other) = (try folder.open(), try folder.open())
    try store.signIn("s1", token: 1)
    let done: Void = try outcome { store.note(note, provider: "local", now: 100, completion: $0) }
    _ = done
    let told = try other.newlyEnded()
    #expect(told.map(\.note) == [note] && told.map(\.kind) == [.note] && told.map(\.until) == [3700])
    #expect(try other.newlyEnded() == [] && store.listed(at: 1001).count == 1)
    for (kind, id) in [(.signIn, "3"), (.note, "x"), (.note, "1 sub"), (.note, "1 x y")] as [(EndedSignIn.Kind, String)]
    {
      #expect(EndedSignIn(kind, id: id, provider: "local", until: 1).note == nil)
    }
  }

  @Test("A token that is revoked is told to every process, until it need not be known")
  func revokedTokens() throws {
    let (store, other) = (try folder.open(), try folder.open())
    let done: Void = try outcome {
      store.revoke(token: "t", provider: "local", until: 500, now: 100, completion: $0)
    }
    _ = done
    let told = [EndedSignIn(.token, id: "t", provider: "local", until: 500)]
    #expect(try store.newlyEnded() == told)
    #expect(try store.newlyEnded() == [])
    #expect(try other.newlyEnded() == told)
    // A sign-in that has the token's id for its own goes on.
    try store.signIn("t", token: 1)
    #expect(try store.listed(at: 1001).count == 1)
  }

  @Test("What nobody waits for any more replaces no token")
  func abandoned() throws {
    let store = try folder.open()
    try store.signIn("s1", token: 1)
    #expect(try store.use(1, next: 2, at: 200, within: .zero) == .abandoned)
    #expect(try store.use(1, next: 3, at: 300) == .rotated(record("s1", usedAt: 300)))
  }

  @Test("Expired rows go, and what has ended stays known while it may have good tokens, and an hour more")
  func deletion() throws {
    let store = try folder.open()
    for number in 0..<250 {
      try store.signIn("s\(number)", token: UInt8(number), family: UInt8(number), of: "u\(number)")
    }
    _ = try store.use(7, next: 8, at: 150, family: 7, tokenSeconds: 10_000)
    _ = try outcome { store.end(id: "s7", provider: "local", now: 150, completion: $0) }
    // Each write from now on may delete 200 of them.
    for number in 0..<4 {
      _ = try outcome { store.end(id: "x", provider: "local", now: 5000 + Int64(number), completion: $0) }
    }
    let database = try SQLiteDatabase(path: folder.file)
    // It is done behind what was asked for: whatever is asked next comes after it.
    _ = try store.listed(at: 0)
    #expect(try database.number("SELECT count(*) FROM sign_ins") == 0)
    for (now, count) in [(13_749, 1), (13_810, 0)] as [(Int64, Int64)] {
      _ = try outcome { store.end(id: "x", provider: "local", now: now, completion: $0) }
      _ = try store.listed(at: 0)
      #expect(try database.number("SELECT count(*) FROM ended") == count, "\(now)")
    }
  }

  @Test("One that fails does not take the others of its transaction along")
  func faultOfOne() throws {
    let store = try folder.open()
    let results = Mutex<[Bool]>([])
    let ended = DispatchGroup()
    // The third has the id of the first.
    for (number, name) in ["a", "b", "a", "c"].enumerated() {
      ended.enter()
      store.begin(record(name), hash: hash(UInt8(number), family: UInt8(number)), former: nil) { result in
        results.withLock { $0.append((try? result.get()) != nil) }
        ended.leave()
      }
    }
    #expect(ended.wait(timeout: .now() + .seconds(60)) == .success)
    #expect(results.withLock { $0 } == [true, true, false, true])
    #expect(try store.listed(at: 200).map(\.id) == ["a", "b", "c"])
  }

  @Test("C-9: a new sign-in ends the one that the browser had, whichever of its tokens is shown")
  func former() throws {
    let store = try folder.open()
    try store.signIn("a", token: 1, family: 1)
    _ = try store.use(1, next: 2, at: 110, family: 1)
    let ended = try outcome {
      store.begin(record("b"), hash: hash(3, family: 2), former: hash(1, family: 1), completion: $0)
    }
    #expect(ended == ["a"])
    #expect(try store.use(2, next: 4, at: 120, family: 1) == .refused)
    #expect(try store.listed(at: 120).map(\.id) == ["b"])
    // What is nobody's ends nothing.
    let none = try outcome {
      store.begin(record("c"), hash: hash(5, family: 3), former: hash(9, family: 9), completion: $0)
    }
    #expect(none == [])
  }

  @Test("A user has so many sign-ins at once; the one that was used longest ago ends")
  func perSubject() throws {
    let store = try folder.open()
    for number in 0..<SignInLimits.perSubject {
      let name = "s\(number)"
      let family = UInt8(number)
      _ = try outcome {
        store.begin(
          record(name, usedAt: 100 + Int64(number)), hash: hash(1, family: family), former: nil, completion: $0)
      }
    }
    let ended = try outcome {
      store.begin(record("new", usedAt: 500), hash: hash(1, family: 200), former: nil, completion: $0)
    }
    #expect(ended == ["s0"])
    #expect(try store.listed(at: 120).count == SignInLimits.perSubject)
    #expect(try store.newlyEnded().map(\.id) == ["s0"])
  }

  @Test("C-10: what a token was good for that ends its sign-in")
  func standings() throws {
    let store = try folder.open()
    let once = RefreshTerms.Replacement.onceSuccessorIsUsed
    // 1 is replaced at 200, 2 at 300; 4 and 5 are successors of 3.
    for (family, row)
      in ([
        (3, 310, .good), (4, 310, .good), (5, 310, .good), (2, 310, .good), (2, 311, .replaced), (1, 310, .replaced),
        (9, 310, .replaced), (3, 1301, .good), (3, 1302, .over), (4, 1302, .over), (9, 1302, .replaced), (3, 2000, nil),
      ] as [(UInt8, Int64, EndedByToken.Standing?)]).enumerated()
    {
      let family = UInt8(family)
      try store.signIn("s\(family)", token: 1, family: family, of: "u\(family)")
      _ = try store.use(1, next: 2, at: 200, family: family)
      _ = try store.use(2, next: 3, at: 300, family: family)
      for next in [4, 5] as [UInt8] { _ = try store.use(3, next: next, at: 301, family: family, once) }
      let ended = try store.end(row.0, at: row.1, family: family)
      #expect(ended?.token == row.2 && ended?.record.id == (row.2 == nil ? nil : "s\(family)"), "\(row)")
      #expect(try store.use(3, next: 6, at: 302, family: family) == .refused)
    }
    // Another first part, or another provider, is of no sign-in.
    try store.signIn("last", token: 1, family: 100)
    #expect(try store.end(1, at: 110, family: 101) == nil)
    #expect(try store.end(1, at: 110, family: 100, provider: "other") == nil)
    #expect(try store.use(1, next: 2, at: 110, family: 100).name == "rotated")
  }

  @Test("A token that was replaced long ago ends its sign-in too, once; another password ends all but one")
  func byTokenAndByPassword() throws {
    let store = try folder.open()
    try store.signIn("a", token: 1, family: 1)
    _ = try store.use(1, next: 2, at: 110, family: 1)
    _ = try store.use(2, next: 3, at: 120, family: 1)
    #expect(try store.end(1, at: 500, family: 1)?.record.id == "a")
    #expect(try store.end(3, at: 500, family: 1) == nil)
    for name in ["b", "c", "d"] { try store.signIn(name, token: 1, family: name.utf8.first ?? 0) }
    let others = try outcome {
      store.changePassword(
        subject: "u1", provider: "local", digest: [7], kept: "c", now: 130, completion: $0)
    }
    #expect(others.sorted() == ["b", "d"])
    let left = try store.listed(at: 130)
    #expect(left.map(\.id) == ["c"] && left.first?.passwordDigest == [7])
  }

  @Test("While a password is being changed a sign-in is known with both, and afterwards with the new one")
  func intendedPassword() throws {
    let store = try folder.open()
    try store.signIn("a", token: 1)
    let intend = { (deadline: ContinuousClock.Instant) in
      try outcome {
        store.intendPassword(id: "a", provider: "local", digest: [3], now: 110, deadline: deadline, completion: $0)
      }
    }
    #expect(try intend(.now) == false)
    #expect(try store.use(1, next: 2, at: 110) == .rotated(record("a", usedAt: 110)))
    #expect(try intend(.now + .seconds(60)))
    var both = record("a", usedAt: 120)
    both.nextPasswordDigest = [3]
    #expect(try store.use(2, next: 3, at: 120) == .rotated(both))
    _ = try outcome {
      store.changePassword(subject: "u1", provider: "local", digest: [3], kept: "a", now: 130, completion: $0)
    }
    guard case .rotated(let changed) = try store.use(3, next: 4, at: 140) else {
      Issue.record("it has ended")
      return
    }
    #expect(changed.passwordDigest == [3] && changed.nextPasswordDigest.isEmpty)
  }

  @Test("Texts are values, whatever stands in them")
  func hostileTexts() throws {
    let store = try folder.open()
    let subject = "'; DROP TABLE sign_ins; --\u{0}\u{2028}é"
    let hostile = SignInRecord(
      id: "s1", provider: "local", subject: subject, methods: ["pwd"], authenticatedAt: 100, lastUsedAt: 100,
      expiresAt: 2000, tokensUntil: 700, clientAddress: "::1", userAgent: subject, passwordDigest: [0, 255])
    _ = try outcome { store.begin(hostile, hash: hash(1), former: nil, completion: $0) }
    #expect(try outcome { store.list(provider: "local", subject: subject, now: 200, completion: $0) } == [hostile])
  }
}
