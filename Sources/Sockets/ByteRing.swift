import CSystem
public import Dispatch
import Synchronization

/// A bounded queue of bytes from one producer to one consumer, which may be on different threads. Neither waits: records
/// are put in whole, and what does not fit is counted and dropped.
///
/// The indices only grow, and their place is the index modulo the capacity. A producer that finds the ring empty goes on
/// at the beginning of the block: as long as the consumer keeps up, the same few pages are used, which stay in the
/// caches.
@safe
public final class ByteRing: @unchecked Sendable {
  private let storage: UnsafeMutableRawPointer
  private let capacity: Int
  /// Where the consumer reads next; written by it alone.
  private let head = PaddedIndex()
  /// Where the producer writes next; written by it alone.
  private let tail = PaddedIndex()
  /// Nothing is to be read before it: where the producer last went on at the beginning; written by it alone.
  private let restart = PaddedIndex()
  private let dropped = Atomic<Int>(0)
  private let filling: DispatchSemaphore?

  /// - Parameters:
  ///   - capacity: Bytes, a power of two of at least 64.
  ///   - filling: Signalled by each record that brings a quarter of the capacity into use; nil: nobody waits for that.
  public init(capacity: Int, filling: DispatchSemaphore? = nil) {
    precondition(capacity >= 64 && capacity & (capacity - 1) == 0)
    self.capacity = capacity
    self.filling = filling
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
    var write = tail.value.load(ordering: .relaxed)
    var read = max(head.value.load(ordering: .acquiring), restart.value.load(ordering: .relaxed))
    if read >= write {
      write = (write + capacity - 1) & ~(capacity - 1)
      restart.value.store(write, ordering: .relaxed)
      read = write
    }
    let held = write - read
    guard count <= capacity - held else {
      dropped.add(1, ordering: .relaxed)
      return false
    }
    unsafe record.withUnsafeBytes { unsafe copyIn($0, at: write) }
    tail.value.store(write + count, ordering: .releasing)
    if held < capacity / 4, held + count >= capacity / 4 { filling?.signal() }
    unsafe prepare(count, at: write + count)
    return true
  }

  /// Whether a quarter of the capacity or more is in use. The consumer's alone.
  public var isFilling: Bool {
    let (read, write) = unread
    return write - read >= capacity / 4
  }

  /// From where on there is something to be read, and up to where; the second is not above the first where there is
  /// nothing. The consumer's alone.
  private var unread: (Int, Int) {
    let write = tail.value.load(ordering: .acquiring)
    return (max(head.value.load(ordering: .relaxed), restart.value.load(ordering: .relaxed)), write)
  }

  /// Has `body` take everything that is in it: whole records. The consumer's alone.
  ///
  /// - Parameter body: Is given them in two pieces, as one may lie on the end of the block and its beginning; the second
  ///   is empty where none does. There is no room for new ones in their place before it returns.
  /// - Returns: Whether there was something.
  public func drain(_ body: (Span<UInt8>, Span<UInt8>) -> Void) -> Bool {
    let (read, write) = unread
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

  /// Fetches the place of a record that is as long as the last one into the cache of the first level: otherwise whatever
  /// comes behind its copy waits for that.
  @unsafe
  private func prepare(_ count: Int, at index: Int) {
    var offset = 0
    while offset <= count {
      // SAFETY: the place lies inside the block, and nothing is written.
      unsafe csystem_prefetch_for_write(storage + (index &+ offset) & (capacity - 1))
      offset &+= 64
    }
  }
}

/// An index on a cache line of its own, so that producer and consumer do not fight for one.
private final class PaddedIndex: Sendable {
  private let before: (Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0)
  let value = Atomic<Int>(0)
  private let after: (Int64, Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0, 0)
}
