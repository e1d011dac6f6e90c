import Dispatch
import Synchronization
import Testing

@testable import Sockets

/// What a handler saw, for a test on another thread.
private final class Record: Sendable {
  private let events = Mutex<[String]>([])
  private let done = DispatchSemaphore(value: 0)

  func add(_ event: String) { events.withLock { $0.append(event) } }
  func finish() { done.signal() }
  /// Waits until `finish`, five seconds at most.
  func wait() -> [String] {
    #expect(done.wait(timeout: .now() + 5) == .success)
    return events.withLock { $0 }
  }
}

private final class Reader: Pollable {
  var socket: Socket
  let record: Record
  let loop: EventLoop

  init(_ socket: consuming Socket, _ record: Record, _ loop: EventLoop) {
    self.socket = socket
    self.record = record
    self.loop = loop
  }

  override func ready(_ events: ReadyEvents) {
    var buffer = Buffer(capacity: 4)
    while true {
      switch socket.read(into: &buffer) {
      case .bytes:
        let text = buffer.withReadable { bytes in String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self) }
        record.add(text)
        buffer.clear()
      case .wouldBlock: return
      case .end, .failed:
        record.add("end")
        loop.unregister(self)
        record.finish()
        return
      }
    }
  }

  override func deadlineExpired() {
    record.add("deadline")
    record.finish()
    loop.unregister(self)
  }
}

/// Has something to read for ever, and brings a task at its fifth call.
private final class Insatiable: Pollable {
  final class Calls: Sendable {
    let count = Atomic<Int>(0)
  }

  let socket: Socket
  private let record: Record
  private let loop: EventLoop
  private let calls = Calls()

  init(_ socket: consuming Socket, _ record: Record, _ loop: EventLoop) {
    self.socket = socket
    self.record = record
    self.loop = loop
  }

  override func ready(_ events: ReadyEvents) {
    guard calls.count.add(1, ordering: .relaxed).newValue == 5 else { return }
    let (record, calls) = (record, calls)
    loop.async {
      record.add("task after \(calls.count.load(ordering: .relaxed)) calls")
      record.finish()
    }
  }
}

@Suite("EventLoop")
struct EventLoopTests {
  @Test("a handler is called for what arrives, and for the end")
  func readiness() throws {
    let record = Record()
    let loop = try EventLoop(label: "test")
    loop.start()
    loop.async {
      do throws(SystemError) {
        let near = try Socket.pair().giveFar { far throws(SystemError) in
          let reader = Reader(far, record, loop)
          try loop.register(reader, descriptor: reader.socket.descriptor, interest: .edge)
        }
        var block = Buffer(capacity: 16)
        block.append("abcdef")
        let written = near.write(&block)
        #expect(written == .bytes(6))
      } catch {
        Issue.record(error)
        record.finish()
      }
    }
    #expect(record.wait() == ["abcd", "ef", "end"])
    loop.stop()
  }

  @Test("a deadline comes after its time, those of a later one do not, and one taken back never")
  func deadlines() throws {
    let record = Record()
    let loop = try EventLoop(label: "test")
    loop.start()
    loop.async {
      do throws(SystemError) {
        for duration in [Duration.milliseconds(30), .seconds(60)] {
          let near = try Socket.pair().giveFar { far throws(SystemError) in
            let reader = Reader(far, record, loop)
            try loop.register(reader, descriptor: reader.socket.descriptor, interest: .edge)
            loop.deadlines(after: .milliseconds(5)).arm(reader)
            loop.deadlines(after: duration).arm(reader)
          }
          keepOpen(near, in: loop)
        }
      } catch {
        Issue.record(error)
        record.finish()
      }
    }
    #expect(record.wait() == ["deadline"])
    loop.stop()
  }

  @Test("lists of deadlines that nobody needs are forgotten, and those that somebody holds or stands in are not")
  func unusedDeadlineLists() throws {
    let loop = try EventLoop(label: "test")
    let held = loop.deadlines(after: .seconds(1))
    let entry = Pollable()
    loop.deadlines(after: .seconds(2)).arm(entry)
    for seconds in 3..<10_000 { _ = loop.deadlines(after: .seconds(seconds)) }
    #expect(loop.deadlineLists.count <= EventLoop.deadlineListsMin)
    #expect(loop.deadlines(after: .seconds(1)) === held)
    #expect(loop.deadlines(after: .seconds(2)).entries.map { $0 === entry } == [true])
    entry.disarmDeadline()
    let many = (0..<500).map { loop.deadlines(after: .milliseconds($0)) }
    #expect(zip(many, 0...).allSatisfy { list, index in loop.deadlines(after: .milliseconds(index)) === list })
  }

  @Test("timers fire in the order of their times, and a cancelled one does not")
  func timers() throws {
    let record = Record()
    let loop = try EventLoop(label: "test")
    loop.start()
    loop.async {
      loop.schedule(after: .milliseconds(20)) {
        record.add("second")
        record.finish()
      }
      loop.schedule(after: .milliseconds(5)) { record.add("first") }
      loop.schedule(after: .milliseconds(10)) { record.add("never") }.cancel()
    }
    #expect(record.wait() == ["first", "second"])
    loop.stop()
  }

  @Test("a loop that gets the descriptors of one that is gone is woken")
  func descriptorsOfAnother() throws {
    for _ in 0..<1000 {
      let record = Record()
      let loop = try EventLoop(label: "one of many")
      loop.start()
      loop.async { loop.schedule(after: .zero) { withExtendedLifetime(loop) { record.finish() } } }
      _ = record.wait()
    }
  }

  @Test("a task does not wait for a loop that has always something to do")
  func taskUnderLoad() throws {
    let record = Record()
    let loop = try EventLoop(label: "test")
    loop.start()
    loop.async {
      do throws(SystemError) {
        // Its other end closes at once, which is something to read for ever.
        _ = try Socket.pair().giveFar { far throws(SystemError) in
          let busy = Insatiable(far, record, loop)
          try loop.register(busy, descriptor: busy.socket.descriptor, interest: .readableLevel)
        }
      } catch {
        Issue.record(error)
        record.finish()
      }
    }
    #expect(record.wait() == ["task after 5 calls"])
    loop.stop()
  }

  @Test("two sockets share an address by SO_REUSEPORT; a unix path that answers is not taken over")
  func listening() throws {
    let any = try #require(SocketAddress(ipv4: "127.0.0.1", port: 0))
    let first = try ListeningSocket(any, backlog: 8)
    #expect(first.port != 0)
    let same = try #require(SocketAddress(ipv4: "127.0.0.1", port: first.port))
    let second = try ListeningSocket(same, backlog: 8)
    #expect(second.port == first.port)
    let path = "/tmp/portcullis-test-\(first.port).sock"
    let unix = try #require(SocketAddress(unix: path))
    let bound = try ListeningSocket(unix, backlog: 8)
    #expect(throws: SystemError.self) { try ListeningSocket(unix, backlog: 8) }
    #expect(bound.isUnix)
    #expect(SocketAddress(unix: String(repeating: "a", count: 200)) == nil)
    #expect(SocketAddress(ipv4: "1.2.3", port: 1) == nil)
  }
}

/// Keeps a socket open for the length of a test.
private func keepOpen(_ socket: consuming Socket, in loop: EventLoop) {
  let holder = Holder(socket)
  loop.schedule(after: .seconds(30)) { _ = holder.socket.descriptor }
}

private final class Holder {
  let socket: Socket
  init(_ socket: consuming Socket) { self.socket = socket }
}
