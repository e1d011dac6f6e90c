import Telemetry
import Testing

@testable import OTLP

@Suite("Spans that wait")
struct SpanQueueTests {
  private func piece(_ bytes: Int, _ spans: Int) -> SpanBuffer.Piece {
    SpanBuffer.Piece([UInt8](repeating: 0x20, count: bytes), spans: spans)
  }

  @Test("What goes out together is bounded by spans and by bytes, and one piece always goes")
  func batches() {
    var queue = SpanQueue()
    var dropped = queue.add([piece(10, 2000), piece(10, 48), piece(10, 1)])
    dropped += queue.add([piece(SpanQueue.batchBytesMax, 2), piece(SpanQueue.batchBytesMax + 1, 3)])
    var batches: [[Int]] = []
    for _ in 0..<5 { batches.append(queue.takeBatch().map(\.spans)) }
    #expect(batches == [[2000, 48], [1], [2], [3], []])
    #expect(queue.isEmpty && dropped == 0)
  }

  @Test("The oldest are dropped, and counted, where there is no room")
  func bound() {
    var queue = SpanQueue()
    let quarter = SpanQueue.bytesMax / 4
    var dropped = [queue.add([piece(quarter, 1), piece(quarter, 2), piece(quarter, 4), piece(quarter, 8)])]
    dropped.append(queue.add([piece(1, 16)]))
    let first = queue.takeBatch().map(\.spans)
    dropped.append(queue.removeAll())
    #expect(first == [2] && dropped == [0, 1, 4 + 8 + 16] && queue.isEmpty)
    let again = queue.add([piece(SpanQueue.bytesMax, 1)])
    #expect(again == 0)
  }
}
