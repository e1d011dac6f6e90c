extension [UInt8] {
  /// A copy.
  @inlinable
  public init(_ bytes: Span<UInt8>) {
    self.init(capacity: bytes.count) { output in
      for index in bytes.indices { output.append(bytes[index]) }
    }
  }

  /// A copy of the part of `bytes` that is at `range`.
  @inlinable
  public init(_ bytes: Span<UInt8>, _ range: ByteRange) {
    self.init(bytes.extracting(range.lowerBound..<range.upperBound))
  }

  /// Appends a copy of `bytes`.
  @inlinable
  public mutating func append(_ bytes: Span<UInt8>) {
    for index in bytes.indices { append(bytes[index]) }
  }

  /// Appends the part of `bytes` that is at `range`.
  @inlinable
  public mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) {
    append(bytes.extracting(range.lowerBound..<range.upperBound))
  }
}

extension Span<UInt8> {
  /// Whether both are the same bytes. Not for secrets: it stops at the first difference.
  @inlinable
  public func isSame(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }
}
