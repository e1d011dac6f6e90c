import Sockets
import Testing

@testable import Proxy

/// A client, and the time at which it is looked at.
private final class Watched {
  private var pace = Pace()
  private let rate: MinimumRate?

  init(_ bytesPerSecond: Int?, grace: Duration = .seconds(5), idle: Duration = .seconds(75)) {
    rate = bytesPerSecond.map { MinimumRate(bytesPerSecond: $0, grace: grace, idle: idle) }
  }

  private static func time(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
  }

  /// Whether it is in time.
  func wait(_ moved: Int64, at milliseconds: Int64) -> Bool {
    pace.wait(moved: moved, for: rate, now: Watched.time(milliseconds))
  }

  func pause(at milliseconds: Int64) { pace.pause(Watched.time(milliseconds)) }

  var isWaiting: Bool { pace.isWaiting }
  var moved: Int64 { pace.moved }
}

@Suite("Pace")
struct PaceTests {
  @Test("Nothing for as long as the grace, and no longer")
  func silence() {
    let client = Watched(240)
    #expect(client.wait(0, at: 0))
    #expect(client.wait(0, at: 4_999))
    #expect(!client.wait(0, at: 5_000))
  }

  @Test("A byte a second is too slow, the rate itself is not", arguments: [1, 239, 240, 1024] as [Int64])
  func rates(_ bytes: Int64) {
    let client = Watched(240)
    let outcomes = (0..<3600).map { second in client.wait(bytes * Int64(second), at: Int64(second) * 1000) }
    #expect(outcomes.allSatisfy { $0 } == (bytes >= 240))
  }

  @Test("Speed earns time")
  func earned() {
    // 2,400 bytes are ten seconds beside the five.
    let client = Watched(240)
    #expect(client.wait(2400, at: 0))
    #expect(client.wait(2400, at: 14_999))
    #expect(!client.wait(2400, at: 15_000))
  }

  @Test("It earns the idle time-out at most")
  func earnedMost() {
    let client = Watched(240)
    #expect(client.wait(1 << 40, at: 0))
    #expect(client.wait(1 << 40, at: 74_999))
    #expect(!client.wait(1 << 40, at: 75_000))
  }

  @Test("The time of others does not count")
  func pauses() {
    let client = Watched(240)
    client.pause(at: 0)
    #expect(!client.isWaiting)
    for round in 0..<4 {
      let start = Int64(round) * 3_600_000
      #expect(client.wait(0, at: start))
      #expect(client.isWaiting)
      client.pause(at: start + 1_200)
      client.pause(at: start + 100_000)
      #expect(!client.isWaiting)
    }
    #expect(client.wait(0, at: 100_000_000))
    #expect(!client.wait(0, at: 100_000_200))
  }

  @Test("Without a rate it only counts")
  func unlimited() {
    let client = Watched(nil)
    #expect(client.wait(1, at: 0))
    #expect(client.wait(7, at: 1 << 40))
    #expect(client.moved == 7)
  }

  @Test("What moves of an earlier message earns as well")
  func earlier() {
    let client = Watched(240)
    #expect(client.wait(-1_000_000, at: 0))
    #expect(client.wait(-1_000_000, at: 4_999))
    #expect(client.wait(-997_600, at: 4_999))
    #expect(client.wait(-997_600, at: 14_999))
    #expect(!client.wait(-997_600, at: 15_000))
  }

  @Test("A step back earns nothing, and takes nothing")
  func stepBack() {
    let client = Watched(240)
    #expect(client.wait(2400, at: 0))
    #expect(client.wait(0, at: 14_999))
    #expect(!client.wait(0, at: 15_000))
  }

  @Test("No number is too large")
  func extremes() {
    let client = Watched(1, grace: .seconds(300), idle: .seconds(86_400))
    #expect(client.wait(.max, at: 0))
    #expect(client.wait(.max, at: 86_399_000))
    #expect(!client.wait(.max, at: 86_400_000))
    let other = Watched(1)
    #expect(other.wait(.min, at: 0))
    #expect(!other.wait(.max, at: 5_000))
  }
}
