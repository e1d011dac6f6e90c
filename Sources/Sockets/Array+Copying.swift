extension [UInt8] {
  /// As `+=`, without counting a reference to `bytes`: for what is written a thousand times.
  @inlinable public mutating func append(copying bytes: borrowing [UInt8]) {
    // SAFETY: the buffer is read while `bytes` is borrowed.
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
