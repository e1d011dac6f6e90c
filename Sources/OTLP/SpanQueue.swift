internal import Telemetry

/// Spans that wait for the collector. The oldest go first, and are dropped first where there is no room.
struct SpanQueue {
  private var pieces: [SpanBuffer.Piece] = []
  private var bytes = 0

  static let bytesMax = 16 * 1024 * 1024
  /// Of what goes out together.
  static let batchBytesMax = 768 * 1024
  private static let batchSpansMax = 2048

  var isEmpty: Bool { pieces.isEmpty }

  /// - Returns: How many were dropped for it.
  mutating func add(_ added: [SpanBuffer.Piece]) -> Int {
    pieces += added
    bytes += added.reduce(0) { $0 + $1.bytes.count }
    var dropped = 0
    var gone = 0
    while bytes > SpanQueue.bytesMax, gone < pieces.count {
      bytes -= pieces[gone].bytes.count
      dropped += pieces[gone].spans
      gone += 1
    }
    pieces.removeFirst(gone)
    return dropped
  }

  /// What goes out next; empty: there is nothing.
  mutating func takeBatch() -> [SpanBuffer.Piece] {
    var count = 0
    var (batchBytes, spans) = (0, 0)
    for piece in pieces {
      let fits =
        batchBytes + piece.bytes.count <= SpanQueue.batchBytesMax && spans + piece.spans <= SpanQueue.batchSpansMax
      if count > 0, !fits { break }
      batchBytes += piece.bytes.count
      spans += piece.spans
      count += 1
    }
    let batch = Array(pieces.prefix(count))
    pieces.removeFirst(count)
    bytes -= batchBytes
    return batch
  }

  /// - Returns: How many there were.
  mutating func removeAll() -> Int {
    defer {
      pieces = []
      bytes = 0
    }
    return pieces.reduce(0) { $0 + $1.spans }
  }
}
