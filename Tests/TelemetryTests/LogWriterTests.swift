import Foundation
import Sockets
import Synchronization
import TestSupport
import Testing

@testable import Telemetry

/// What a writer reported, from its thread.
final class Reported: Sendable {
  private let events = Mutex<[LogWriter.Event]>([])

  func note(_ event: LogWriter.Event) { events.withLock { $0.append(event) } }

  var dropped: Int {
    events.withLock { $0.reduce(0) { if case .dropped(let count) = $1 { $0 + count } else { $0 } } }
  }
  var failures: [SystemError] {
    events.withLock { $0.compactMap { if case .failed(let error) = $0 { error } else { nil } } }
  }
  var recoveries: Int {
    events.withLock { $0.count { if case .recovered = $0 { true } else { false } } }
  }
}

private func push(_ text: String, to ring: ByteRing) -> Bool {
  let bytes = Array(text.utf8)
  return ring.push(bytes.span)
}

@Suite("Log writer")
struct LogWriterTests {
  @Test("D-5, L-4: lines that a ring has no room for are dropped, counted and said")
  func dropped() throws {
    let folder = try TemporaryFolder()
    let reported = Reported()
    let writer = LogWriter(try LogFile(path: folder.path + "/log")) { reported.note($0) }
    // Six lines of 10 bytes.
    let ring = writer.makeRing(capacity: 64)
    let taken = (0..<20).filter { push("line \($0 + 10)..\n", to: ring) }
    #expect(taken == [0, 1, 2, 3, 4, 5])
    writer.start()
    writer.stop()
    #expect(reported.dropped == 14 && writer.linesLost == 14)
    #expect(reported.failures.isEmpty)
    #expect(try folder.text("log") == (10..<16).map { "line \($0)..\n" }.joined())
  }

  @Test("Lines of every ring are written, each whole and in its order")
  func manyRings() throws {
    let folder = try TemporaryFolder()
    let reported = Reported()
    let writer = LogWriter(try LogFile(path: folder.path + "/log")) { reported.note($0) }
    let rings = (0..<3).map { _ in writer.makeRing(capacity: 1 << 16) }
    writer.start()
    for number in 0..<1000 {
      for index in rings.indices { #expect(push("\(index) \(number)\n", to: rings[index])) }
    }
    writer.stop()
    let lines = try folder.text("log").split(separator: "\n")
    #expect(lines.count == 3000)
    for index in rings.indices {
      #expect(lines.filter { $0.hasPrefix("\(index) ") } == (0..<1000).map { "\(index) \($0)" })
    }
    #expect(reported.dropped == 0)
  }

  @Test("A line that lies on the end of a ring and its beginning is written whole")
  func wrapped() throws {
    let folder = try TemporaryFolder()
    let writer = LogWriter(try LogFile(path: folder.path + "/log")) { _ in }
    let ring = writer.makeRing(capacity: 64)
    writer.start()
    let lines = (0..<1000).map { "line \($0 * 7919)\n" }
    for line in lines {
      while !push(line, to: ring) { usleep(100) }
    }
    writer.stop()
    #expect(try folder.text("log") == lines.joined())
  }

  @Test("L-4: a full disk costs lines, which are counted, and is said once")
  func fullDisk() throws {
    let reported = Reported()
    let writer = LogWriter(try LogFile(path: "/dev/full")) { reported.note($0) }
    let ring = writer.makeRing(capacity: 1024)
    for _ in 0..<3 { #expect(push("a line\n", to: ring)) }
    writer.start()
    writer.stop()
    #expect(reported.failures == [SystemError(call: "write", code: ENOSPC)])
    #expect(reported.dropped == 3 && writer.linesLost == 3)
    #expect(reported.recoveries == 0)
  }

  @Test("A writer that can write again says so")
  func recovers() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/log"
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
    let reported = Reported()
    let writer = LogWriter(try LogFile(path: path)) { reported.note($0) }
    let ring = writer.makeRing(capacity: 1024)
    writer.start()
    #expect(push("lost\n", to: ring))
    for _ in 0..<500 where reported.failures.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
    try FileManager.default.removeItem(atPath: path)
    writer.reopen()
    #expect(push("kept\n", to: ring))
    writer.stop()
    #expect(reported.failures.count == 1)
    #expect(reported.recoveries == 1)
    #expect(reported.dropped == 1 && writer.linesLost == 1)
    #expect(try folder.text("log") == "kept\n")
  }

  @Test("A file that cannot be opened is an error that names it")
  func noFile() {
    let error = #expect(throws: AccessLogError.self) {
      try AccessLog(.file("/nowhere/log"), format: .json) { _ in }
    }
    #expect(error?.description.hasPrefix("access log: open /nowhere/log: ") == true)
  }
}
