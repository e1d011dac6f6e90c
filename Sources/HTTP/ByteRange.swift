/// A half-open range of offsets into the bytes that a parser was given.
@frozen
public struct ByteRange: Equatable, Hashable, Sendable {
  @usableFromInline var start: Int32
  @usableFromInline var end: Int32

  /// - Precondition: `0 <= start <= end`, both below 2^31.
  @inlinable
  public init(_ start: Int, _ end: Int) {
    precondition(start >= 0 && start <= end)
    self.start = Int32(start)
    self.end = Int32(end)
  }

  /// `0..<0`: stands for a part that is absent.
  public static let empty = ByteRange(0, 0)

  /// The offset of the first byte.
  @inlinable public var lowerBound: Int { Int(start) }
  /// The offset behind the last byte.
  @inlinable public var upperBound: Int { Int(end) }
  /// The number of bytes.
  @inlinable public var count: Int { Int(end &- start) }
  /// Whether `count` is 0, wherever the range is.
  @inlinable public var isEmpty: Bool { start == end }
}
