import Synchronization

/// A bounded queue of records from one producer to one consumer, which may be on different threads. Neither waits: what
/// does not fit is counted and dropped.
///
/// A record is its length in four bytes, then its bytes; the indices only grow, and their place is the index modulo the
/// capacity.
@safe
public final class ByteRing: @unchecked Sendable {
  private let storage: UnsafeMutableRawPointer
  private let capacity: Int
  /// Where the consumer reads next; written by it alone.
  private let head = PaddedIndex()
  /// Where the producer writes next; written by it alone.
  private let tail = PaddedIndex()
  private let dropped = Atomic<Int>(0)

  /// - Parameter capacity: Bytes, a power of two of at least 64.
  public init(capacity: Int) {
    precondition(capacity >= 64 && capacity & (capacity - 1) == 0)
    self.capacity = capacity
    // SAFETY: owned until deinit; every index is taken modulo the capacity.
    unsafe storage = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
  }

  deinit { unsafe storage.deallocate() }

  /// Appends one record. The producer's alone.
  ///
  /// - Returns: Whether there was room.
  @discardableResult
  public func push(_ record: Span<UInt8>) -> Bool {
    let count = record.count
    let write = tail.value.load(ordering: .relaxed)
    let read = head.value.load(ordering: .acquiring)
    guard count + 4 <= capacity - (write - read) else {
      dropped.add(1, ordering: .relaxed)
      return false
    }
    var length = UInt32(count).littleEndian
    unsafe withUnsafeBytes(of: &length) { unsafe copyIn($0, at: write) }
    unsafe record.withUnsafeBytes { unsafe copyIn($0, at: write + 4) }
    tail.value.store(write + 4 + count, ordering: .releasing)
    return true
  }

  /// Moves whole records to the end of `output`, until it holds about `countMax` bytes. The consumer's alone.
  ///
  /// - Returns: Whether there was one.
  public func drain(into output: inout [UInt8], countMax: Int) -> Bool {
    var read = head.value.load(ordering: .relaxed)
    let write = tail.value.load(ordering: .acquiring)
    guard read < write else { return false }
    while read < write, output.count < countMax {
      var count = 0
      for index in 0..<4 { count |= Int(unsafe byte(at: read + index)) << (8 * index) }
      let start = (read + 4) & (capacity - 1)
      let first = min(count, capacity - start)
      // SAFETY: the producer wrote these bytes before it published `tail`, and does not touch them before `head` moves.
      unsafe output.append(contentsOf: UnsafeRawBufferPointer(start: storage + start, count: first))
      unsafe output.append(contentsOf: UnsafeRawBufferPointer(start: storage, count: count - first))
      read += 4 + count
    }
    head.value.store(read, ordering: .releasing)
    return true
  }

  /// Records dropped since the last call. From anywhere.
  public func takeDropped() -> Int { dropped.exchange(0, ordering: .relaxed) }

  @unsafe
  private func byte(at index: Int) -> UInt8 {
    unsafe storage.load(fromByteOffset: index & (capacity - 1), as: UInt8.self)
  }

  @unsafe
  private func copyIn(_ bytes: UnsafeRawBufferPointer, at index: Int) {
    let start = index & (capacity - 1)
    let first = min(bytes.count, capacity - start)
    guard let base = bytes.baseAddress else { return }
    // SAFETY: the room was checked; the two pieces are the end and the beginning of the block.
    unsafe (storage + start).copyMemory(from: base, byteCount: first)
    if first < bytes.count { unsafe storage.copyMemory(from: base + first, byteCount: bytes.count - first) }
  }
}

/// An index on a cache line of its own, so that producer and consumer do not fight for one.
private final class PaddedIndex: Sendable {
  private let before: (Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0)
  let value = Atomic<Int>(0)
  private let after: (Int64, Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0, 0)
}
