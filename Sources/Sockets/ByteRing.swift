import Synchronization

/// A bounded queue of bytes from one producer to one consumer, which may be on different threads. Neither waits: records
/// are put in whole, and what does not fit is counted and dropped.
///
/// The indices only grow, and their place is the index modulo the capacity.
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
    guard count <= capacity - (write - read) else {
      dropped.add(1, ordering: .relaxed)
      return false
    }
    unsafe record.withUnsafeBytes { unsafe copyIn($0, at: write) }
    tail.value.store(write + count, ordering: .releasing)
    return true
  }

  /// Has `body` take everything that is in it: whole records. The consumer's alone.
  ///
  /// - Parameter body: Is given them in two pieces, as one may lie on the end of the block and its beginning; the second
  ///   is empty where none does. There is no room for new ones in their place before it returns.
  /// - Returns: Whether there was something.
  public func drain(_ body: (Span<UInt8>, Span<UInt8>) -> Void) -> Bool {
    let read = head.value.load(ordering: .relaxed)
    let write = tail.value.load(ordering: .acquiring)
    guard read < write else { return false }
    let start = read & (capacity - 1)
    let first = min(write - read, capacity - start)
    // SAFETY: the producer wrote these bytes before it published `tail`, and does not touch them before `head` moves.
    unsafe body(
      Span(_unsafeBytes: UnsafeRawBufferPointer(start: storage + start, count: first)),
      Span(_unsafeBytes: UnsafeRawBufferPointer(start: storage, count: write - read - first)))
    head.value.store(write, ordering: .releasing)
    return true
  }

  /// Records dropped since the last call. From anywhere.
  public func takeDropped() -> Int { dropped.exchange(0, ordering: .relaxed) }

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
