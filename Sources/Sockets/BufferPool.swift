/// The free blocks of one loop. A block given back is the next one taken, so that it is still in the cache.
public final class BufferPool {
  /// Bytes of each block.
  public let blockBytes: Int
  private let keptMax: Int
  private var kept: Kept

  /// - Parameters:
  ///   - blockBytes: Bytes of each block, at least 1.
  ///   - keptMax: Free blocks kept for later use; more are given to the system.
  public init(blockBytes: Int, keptMax: Int) {
    self.blockBytes = blockBytes
    self.keptMax = keptMax
    kept = Kept(capacity: keptMax)
  }

  /// An empty block.
  public func take() -> Buffer {
    kept.pop() ?? Buffer(capacity: blockBytes)
  }

  /// Gives a block back; what it holds is forgotten.
  public func give(_ buffer: consuming Buffer) {
    guard buffer.capacity == blockBytes, kept.count < keptMax else { return }
    buffer.clear()
    kept.push(buffer)
  }
}

/// A stack of buffers of a fixed capacity. (An array holds no noncopyable elements.)
@safe
private struct Kept: ~Copyable {
  private let slots: UnsafeMutablePointer<Buffer>
  private let capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = max(capacity, 1)
    unsafe slots = UnsafeMutablePointer<Buffer>.allocate(capacity: self.capacity)
  }

  deinit {
    // SAFETY: exactly the slots below `count` are initialized.
    unsafe slots.deinitialize(count: count)
    unsafe slots.deallocate()
  }

  mutating func push(_ buffer: consuming Buffer) {
    precondition(count < capacity)
    // SAFETY: slot `count` is inside the allocation and not initialized.
    unsafe (slots + count).initialize(to: buffer)
    count += 1
  }

  mutating func pop() -> Buffer? {
    guard count > 0 else { return nil }
    count -= 1
    // SAFETY: slot `count` was initialized by `push` and is left uninitialized by the move.
    return unsafe (slots + count).move()
  }
}
