/// The spans of one loop until they are exported: JSON texts with commas between. Its size is bounded; what does not
/// fit is dropped and counted.
public struct SpanBuffer: Sendable {
  /// Spans that are exported in one request.
  public struct Piece: Sendable {
    /// JSON objects with commas between, as they stand in OTLP's array `spans`.
    public fileprivate(set) var bytes: [UInt8] = []
    /// How many spans are in `bytes`.
    public fileprivate(set) var spans = 0

    /// An empty piece.
    public init() {}

    /// A piece of so many spans.
    public init(_ bytes: [UInt8], spans: Int) {
      self.bytes = bytes
      self.spans = spans
    }
  }

  /// What was taken out of a buffer.
  public struct Taken: Sendable {
    /// The spans, oldest first.
    public let pieces: [Piece]
    /// How many spans there was no room for since the last time.
    public let dropped: Int
  }

  private var pieces: [Piece] = []
  private var dropped = 0

  /// Of a piece; the span with which it is reached may go past it.
  static let pieceBytes = 256 * 1024
  static let pieceSpansMax = 512
  static let piecesMax = 32

  /// An empty buffer.
  public init() {}

  /// Adds the spans of an exchange that is part of a sampled trace; of others there are none.
  mutating func add(_ record: borrowing AccessRecord) {
    guard let trace = record.trace else { return }
    let isFull = pieces.last.map {
      $0.bytes.count >= SpanBuffer.pieceBytes || $0.spans >= SpanBuffer.pieceSpansMax - 1
    }
    if isFull ?? true {
      guard pieces.count < SpanBuffer.piecesMax else {
        dropped += SpanEncoder.spans(of: record, trace)
        return
      }
      pieces.append(Piece())
    }
    let last = pieces.count - 1
    if pieces[last].spans > 0 { pieces[last].bytes.append(UInt8(ascii: ",")) }
    SpanEncoder.append(record, trace, to: &pieces[last].bytes)
    pieces[last].spans += SpanEncoder.spans(of: record, trace)
  }

  /// What there is, which is gone afterwards.
  mutating func take() -> Taken {
    let taken = Taken(pieces: pieces, dropped: dropped)
    pieces = []
    dropped = 0
    return taken
  }
}

/// What became of spans since the process began.
public struct SpanCounts: Sendable, Equatable {
  /// Spans that the collector has accepted.
  public var exported: UInt64 = 0
  /// Spans that the collector does not accept.
  public var rejected: UInt64 = 0
  /// Spans for which there was no room, or no time.
  public var dropped: UInt64 = 0

  /// All counts at zero.
  public init() {}
}
