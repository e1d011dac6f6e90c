/// What malloc has in hand.
public enum Heap {
  /// Lets the calling thread's heap grow by `bytes` at once, for what is about to be allocated in small pieces.
  ///
  /// glibc's heaps other than the first grow by a page or two, each time by a system call (M_TOP_PAD counts when such a
  /// heap is made, and not after), and give nothing back before 128 KiB of their end are free.
  @inline(never)
  public static func makeRoom(_ bytes: Int) {
    let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
    unsafe block.deallocate()
  }
}
