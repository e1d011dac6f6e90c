import CSystem

/// A block of bytes with a readable part: filled at its end, consumed from its start.
///
/// It never grows: a writer asks `writableCount` first. Blocks come from a `BufferPool` and are given back to it; one
/// that is dropped instead is freed.
@safe
public struct Buffer: ~Copyable {
  @usableFromInline let base: UnsafeMutableRawPointer
  /// The bytes that it can hold.
  public let capacity: Int
  @usableFromInline var start = 0
  @usableFromInline var end = 0

  /// An empty buffer of `capacity` bytes, at least 1.
  public init(capacity: Int) {
    precondition(capacity > 0)
    // SAFETY: this struct owns the block alone until `deinit`; every access is checked against `capacity`.
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    self.capacity = capacity
  }

  deinit { unsafe base.deallocate() }

  /// Bytes that can be read.
  @inlinable public var count: Int { end - start }
  /// Whether nothing can be read.
  @inlinable public var isEmpty: Bool { end == start }
  /// Bytes that can be appended after the last one.
  @inlinable public var writableCount: Int { capacity - end }

  /// Calls `body` with the readable bytes.
  @inlinable
  public func withReadable<Result: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // SAFETY: start <= end <= capacity always holds, the bytes between were written, and `self` outlives the call.
    let readable = unsafe UnsafeRawBufferPointer(start: base + start, count: end - start)
    return try body(unsafe Span(_unsafeElements: readable.assumingMemoryBound(to: UInt8.self)))
  }

  /// Marks the first `count` readable bytes as read.
  @inlinable
  public mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= end - start)
    start += count
    if start == end {
      start = 0
      end = 0
    }
  }

  /// Drops everything that is readable.
  @inlinable
  public mutating func clear() {
    start = 0
    end = 0
  }

  /// Moves the readable bytes to the front, so that `writableCount` becomes `capacity - count`.
  public mutating func compact() {
    guard start > 0 else { return }
    // SAFETY: both ranges lie inside the block; memmove allows them to overlap.
    unsafe base.copyMemory(from: base + start, byteCount: end - start)
    end -= start
    start = 0
  }

  /// Appends `bytes`, which must fit `writableCount`.
  @inlinable
  public mutating func append(_ bytes: Span<UInt8>) {
    let count = bytes.count
    precondition(count <= capacity - end)
    if count == 0 { return }
    // SAFETY: the count was checked against the room behind `end`; `bytes` cannot alias a block that we hold inout.
    unsafe bytes.withUnsafeBytes { source in
      if let address = source.baseAddress {
        unsafe (base + end).copyMemory(from: address, byteCount: count)
      }
    }
    end += count
  }

  /// Appends `bytes[lower..<upper]`.
  @inlinable
  public mutating func append(_ bytes: Span<UInt8>, from lower: Int, to upper: Int) {
    append(bytes.extracting(lower..<upper))
  }

  /// Appends `bytes`, which must fit `writableCount`.
  @inlinable
  public mutating func append(_ bytes: [UInt8]) { append(bytes.span) }

  /// Appends a byte; `writableCount` must not be 0.
  @inlinable
  public mutating func append(_ byte: UInt8) {
    precondition(end < capacity)
    // SAFETY: `end` lies inside the block.
    unsafe base.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
    end += 1
  }

  /// Has `body` write behind the last byte.
  ///
  /// - Parameter body: Is given the room, and answers how many bytes of it, from its beginning, it has written.
  @unsafe
  public mutating func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) {
    let room = capacity - end
    // SAFETY: `room` bytes behind `end` belong to the block.
    let count = unsafe body(UnsafeMutableRawBufferPointer(start: base + end, count: room))
    precondition(count >= 0 && count <= room)
    end += count
  }

  // Inlined, so that the size of a literal is known where it is copied.
  /// Appends ASCII text, which must fit `writableCount`.
  @inlinable @inline(__always)
  public mutating func append(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    precondition(count <= capacity - end)
    if !text.hasPointerRepresentation { return }
    // SAFETY: a static string's bytes live as long as the process; the count was checked.
    unsafe (base + end).copyMemory(from: text.utf8Start, byteCount: count)
    end += count
  }

  // The room is looked at once, and the end written once: a log line has twenty names, each between two of these.
  /// Appends ASCII texts, one behind another, which together must fit `writableCount`.
  @inlinable @inline(__always)
  public mutating func append(_ first: StaticString, _ second: StaticString, _ third: StaticString) {
    let room = capacity - end
    let firstCount = first.utf8CodeUnitCount
    let secondCount = second.utf8CodeUnitCount
    let thirdCount = third.utf8CodeUnitCount
    let count = firstCount + secondCount + thirdCount
    precondition(count <= room)
    let place = unsafe base + end
    // SAFETY: static strings' bytes live as long as the process; the count of all of them was checked.
    unsafe place.copyMemory(from: first.utf8Start, byteCount: firstCount)
    unsafe (place + firstCount).copyMemory(from: second.utf8Start, byteCount: secondCount)
    unsafe (place + firstCount + secondCount).copyMemory(from: third.utf8Start, byteCount: thirdCount)
    end += count
  }
}
