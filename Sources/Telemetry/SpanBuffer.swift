/// The spans of one loop until they are exported: JSON texts with commas between. Bounded; what does not fit is counted
/// and dropped.
public struct SpanBuffer: Sendable {
  /// As many as go out together.
  public struct Piece: Sendable {
    public fileprivate(set) var bytes: [UInt8] = []
    public fileprivate(set) var spans = 0

    public init() {}

    public init(_ bytes: [UInt8], spans: Int) {
      self.bytes = bytes
      self.spans = spans
    }
  }

  public struct Taken: Sendable {
    public let pieces: [Piece]
    public let dropped: Int
  }

  private var pieces: [Piece] = []
  private var dropped = 0

  /// Of a piece; the span with which it is reached may go past it.
  static let pieceBytes = 256 * 1024
  static let pieceSpansMax = 512
  static let piecesMax = 32

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

/// What came of spans.
public struct SpanCounts: Sendable, Equatable {
  public var exported: UInt64 = 0
  /// The collector does not take them.
  public var rejected: UInt64 = 0
  /// There was no room, or no time.
  public var dropped: UInt64 = 0

  public init() {}
}
