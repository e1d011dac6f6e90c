import Dispatch
import Foundation
import Synchronization
import Testing

@testable import Sockets

@Suite("Byte ring")
struct ByteRingTests {
  /// Everything that is in it.
  private func drained(_ ring: ByteRing) -> String {
    var bytes: [UInt8] = []
    _ = ring.drain { first, second in
      for index in first.indices { bytes.append(first[index]) }
      for index in second.indices { bytes.append(second[index]) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func push(_ text: String, to ring: ByteRing) -> Bool {
    let bytes = Array(text.utf8)
    return ring.push(bytes.span)
  }

  @Test("An empty ring has room for all of its capacity, wherever it was read last")
  func wholeCapacity() {
    let ring = ByteRing(capacity: 64)
    for used in 0..<130 {
      #expect(push(String(repeating: "a", count: used % 64 + 1), to: ring))
      #expect(drained(ring).utf8.count == used % 64 + 1)
      let text = String(repeating: "b", count: 63)
      #expect(push(text, to: ring) && push("c", to: ring) && !push("d", to: ring))
      #expect(drained(ring) == text + "c")
    }
    #expect(ring.takeDropped() == 130)
  }

  @Test("Records that lie on the end of the block and its beginning come out whole")
  func wrapped() {
    let ring = ByteRing(capacity: 64)
    #expect(push(String(repeating: "a", count: 40), to: ring) && push("b", to: ring))
    var texts: [String] = []
    _ = ring.drain { first, second in
      texts.append(String(decoding: first.indices.map { first[$0] }, as: UTF8.self))
      let isInOnePiece = second.isEmpty
      #expect(isInOnePiece)
      // There is room again only when this returns.
      #expect(push(String(repeating: "c", count: 23), to: ring) && !push("d", to: ring))
    }
    #expect(push(String(repeating: "e", count: 40), to: ring))
    #expect(texts == [String(repeating: "a", count: 40) + "b"])
    #expect(drained(ring) == String(repeating: "c", count: 23) + String(repeating: "e", count: 40))
  }

  @Test("A record that is longer than the ring is dropped, and the next ones are not")
  func tooLong() {
    let ring = ByteRing(capacity: 64)
    #expect(push("a", to: ring) && drained(ring) == "a")
    #expect(!push(String(repeating: "b", count: 65), to: ring))
    #expect(drained(ring) == "")
    #expect(push("c", to: ring) && drained(ring) == "c")
    #expect(ring.takeDropped() == 1 && ring.takeDropped() == 0)
  }

  @Test("A ring signals when a quarter of it has come into use, and not with each record beyond that")
  func filling() {
    let filling = DispatchSemaphore(value: 0)
    let ring = ByteRing(capacity: 64, filling: filling)
    for _ in 0..<3 {
      #expect(push("fifteen bytes..", to: ring) && !ring.isFilling)
      #expect(filling.wait(timeout: .now()) == .timedOut)
      #expect(push("1", to: ring) && push("2", to: ring) && ring.isFilling)
      #expect(filling.wait(timeout: .now()) == .success)
      #expect(filling.wait(timeout: .now()) == .timedOut)
      #expect(drained(ring) == "fifteen bytes..12")
      #expect(!ring.isFilling)
    }
  }

  @Test("Two threads: everything comes out once, whole and in order")
  func twoThreads() async {
    let ring = ByteRing(capacity: 1024)
    let total = 200_000
    let producer = Task.detached {
      for number in 0..<total {
        let record = Array("\(number * 7919)\n".utf8)
        while !ring.push(record.span), !Task.isCancelled { await Task.yield() }
      }
    }
    var next = 0
    var isInOrder = true
    var text: [UInt8] = []
    while next < total, isInOrder {
      let hadSome = ring.drain { first, second in
        for index in first.indices { text.append(first[index]) }
        for index in second.indices { text.append(second[index]) }
      }
      if !hadSome { await Task.yield() }
      var start = 0
      while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
        isInOrder = isInOrder && Int(String(decoding: text[start..<end], as: UTF8.self)) == next * 7919
        next += 1
        start = end + 1
      }
      // Records are whole: nothing is left of any.
      isInOrder = isInOrder && start == text.count
      text.removeAll(keepingCapacity: true)
    }
    #expect(isInOrder && next == total)
    producer.cancel()
  }
}
