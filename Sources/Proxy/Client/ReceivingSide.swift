import Sockets

/// What is known of a socket that is read: events say it once only, so it is remembered whether a read is worth a call.
struct ReceivingSide {
  /// There may be something to read, or the end.
  private(set) var mayRead = false
  /// The peer sends no more, and what it sent was read.
  private(set) var hasEnded = false
  /// The peer's end has been reported; it may not have been read yet.
  private(set) var endIsNear = false

  /// Notes what the kernel reported.
  mutating func note(_ events: ReadyEvents) {
    if !events.isDisjoint(with: [.peerClosed, .hangup, .error]) { endIsNear = true }
    if endIsNear || events.contains(.readable) { mayRead = true }
  }

  /// Has the next read try, whatever was reported.
  mutating func tryAgain() { mayRead = true }

  /// Appends what has come to `input`, a block that is taken from `blocks`, and given back where it is empty.
  ///
  /// - Returns: `wouldBlock` also where the block is full.
  mutating func read<Source: ByteSource & ~Copyable>(
    _ source: inout Source, into input: inout Buffer?, _ blocks: BufferPool
  ) -> IOResult {
    var block = input.take() ?? blocks.take()
    if block.writableCount == 0 { block.compact() }
    let room = block.writableCount
    guard room > 0 else {
      input.replace(with: block)
      return .wouldBlock
    }
    let result = source.read(into: &block)
    switch result {
    case .bytes(let count):
      // A short read has emptied the socket; what comes later is a new edge. An end that came with the data is not.
      if count < room, !endIsNear, source.isEmptyAfterShortRead { mayRead = false }
    case .wouldBlock: mayRead = false
    case .end, .failed: hasEnded = true
    }
    if block.isEmpty { blocks.give(block) } else { input.replace(with: block) }
    return result
  }
}

/// Where bytes come from.
protocol ByteSource: ~Copyable {
  mutating func read(into buffer: inout Buffer) -> IOResult
  /// Whether a read that did not fill its room has taken everything.
  var isEmptyAfterShortRead: Bool { get }
}

extension Socket: ByteSource {
  func read(into buffer: inout Buffer) -> IOResult { read(into: &buffer, most: nil) }

  var isEmptyAfterShortRead: Bool { true }
}
