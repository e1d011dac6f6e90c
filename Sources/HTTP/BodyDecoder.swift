public import Reason

/// What is wrong with a chunked body (RFC 9112 §7.1).
public struct BodyError: Error, Equatable {
  /// Why the body is refused: `chunkInvalid` or `trailerInvalid`.
  public let reason: Reason
}

/// Finds the data of a body in the bytes of a connection, and its end. Keeps no bytes.
public struct BodyDecoder: Sendable {
  /// What `next` used.
  public struct Step: Sendable, Equatable {
    /// Bytes from the offset that were used, framing included; 0: more are needed.
    public let consumed: Int
    /// The data among them; may be empty.
    public let data: ByteRange
  }

  @usableFromInline
  enum State: Equatable, Sendable {
    case complete
    /// So many bytes of data are still to come.
    case data(UInt64)
    case untilClose
    case chunkSize
    case chunkData(UInt64)
    case chunkEnd
    case trailers
  }

  /// Bytes of chunk extensions that a whole message may have.
  public static let extensionBytesMax = 256
  /// Bytes of the trailer section that a message may have (RFC 9112 §7.1.2).
  public static let trailerBytesMax = 16 * 1024

  @usableFromInline var state: State
  private var extensionBytes = 0
  private var trailerBytes = 0
  /// Bytes of data found so far.
  public private(set) var decodedBytes: UInt64 = 0

  /// Begins behind a head with this framing.
  public init(_ framing: BodyFraming) {
    switch framing {
    case .none: state = .complete
    case .length(let count): state = count == 0 ? .complete : .data(count)
    case .chunked: state = .chunkSize
    case .untilClose: state = .untilClose
    }
  }

  /// Whether the end of the body has been found: from the start if there is none, with `untilClose` only after `end()`.
  @inlinable public var isComplete: Bool { if case .complete = state { true } else { false } }

  /// The next piece at `bytes[offset...]`.
  ///
  /// - Parameter dataMax: Bytes of data that the step may have, at least 1; framing is not counted.
  public mutating func next(
    _ bytes: Span<UInt8>, from offset: Int, dataMax: Int = .max
  ) throws(BodyError) -> Step {
    let available = bytes.count - offset
    let none = Step(consumed: 0, data: .empty)
    guard available > 0 else { return none }
    switch state {
    case .complete: return none
    case .untilClose:
      let count = min(available, dataMax)
      decodedBytes += UInt64(count)
      return Step(consumed: count, data: ByteRange(offset, offset + count))
    case .data(let left):
      let count = Int(min(UInt64(min(available, dataMax)), left))
      decodedBytes += UInt64(count)
      state = left == UInt64(count) ? .complete : .data(left - UInt64(count))
      return Step(consumed: count, data: ByteRange(offset, offset + count))
    case .chunkData(let left):
      let count = Int(min(UInt64(min(available, dataMax)), left))
      decodedBytes += UInt64(count)
      state = left == UInt64(count) ? .chunkEnd : .chunkData(left - UInt64(count))
      return Step(consumed: count, data: ByteRange(offset, offset + count))
    case .chunkSize: return try chunkSize(bytes, offset)
    case .chunkEnd:
      guard bytes[offset] == 0x0D else { throw BodyError(reason: .chunkInvalid) }
      guard available > 1 else { return none }
      guard bytes[offset + 1] == 0x0A else { throw BodyError(reason: .chunkInvalid) }
      state = .chunkSize
      return Step(consumed: 2, data: .empty)
    case .trailers: return try trailer(bytes, offset)
    }
  }

  /// The connection has ended.
  ///
  /// - Returns: Whether that completes the body.
  public mutating func end() -> Bool {
    if state == .untilClose { state = .complete }
    return state == .complete
  }

  /// `chunk-size [chunk-ext] CRLF`
  private mutating func chunkSize(_ bytes: Span<UInt8>, _ offset: Int) throws(BodyError) -> Step {
    let count = bytes.count
    var index = offset
    var size: UInt64 = 0
    while index < count, let digit = ByteClass.hexadecimal(bytes[index]) {
      guard index - offset < 16 else { throw BodyError(reason: .chunkInvalid) }
      size = size << 4 | UInt64(digit)
      index += 1
    }
    guard index < count else { return Step(consumed: 0, data: .empty) }
    guard index > offset, size < 1 << 63 else { throw BodyError(reason: .chunkInvalid) }
    let extensionStart = index
    guard let end = try chunkExtensions(bytes, &index) else {
      if index - extensionStart + extensionBytes > BodyDecoder.extensionBytesMax {
        throw BodyError(reason: .chunkInvalid)
      }
      return Step(consumed: 0, data: .empty)
    }
    extensionBytes += index - extensionStart
    guard extensionBytes <= BodyDecoder.extensionBytesMax else { throw BodyError(reason: .chunkInvalid) }
    state = size == 0 ? .trailers : .chunkData(size)
    return Step(consumed: end - offset, data: .empty)
  }

  /// `*( ";" name [ "=" value ] )` and CRLF; no white space (RFC 9112 §7.1.1, without BWS).
  ///
  /// - Parameter index: Moved to the CR.
  /// - Returns: Where the data begin; nil where the line is not whole.
  private func chunkExtensions(_ bytes: Span<UInt8>, _ index: inout Int) throws(BodyError) -> Int? {
    let count = bytes.count
    while true {
      guard index < count else { return nil }
      if bytes[index] == 0x0D {
        guard index + 1 < count else { return nil }
        guard bytes[index + 1] == 0x0A else { throw BodyError(reason: .chunkInvalid) }
        return index + 2
      }
      guard bytes[index] == 0x3B else { throw BodyError(reason: .chunkInvalid) }
      index += 1
      let name = index
      while index < count, ByteClass.isToken(bytes[index]) { index += 1 }
      guard index < count else { return nil }
      guard index > name else { throw BodyError(reason: .chunkInvalid) }
      guard bytes[index] == 0x3D else { continue }
      index += 1
      guard index < count else { return nil }
      if bytes[index] == 0x22 {
        index += 1
        while index < count, bytes[index] != 0x22 {
          guard ByteClass.isFieldValue(bytes[index]) else { throw BodyError(reason: .chunkInvalid) }
          if bytes[index] == 0x5C {
            index += 1
            guard index < count else { return nil }
            guard ByteClass.isFieldValue(bytes[index]) else { throw BodyError(reason: .chunkInvalid) }
          }
          index += 1
        }
        guard index < count else { return nil }
        index += 1
      } else {
        let value = index
        while index < count, ByteClass.isToken(bytes[index]) { index += 1 }
        guard index < count else { return nil }
        guard index > value else { throw BodyError(reason: .chunkInvalid) }
      }
    }
  }

  private mutating func trailer(_ bytes: Span<UInt8>, _ offset: Int) throws(BodyError) -> Step {
    let outcome: FieldLineParser.Outcome
    do throws(HeadError) {
      outcome = try FieldLineParser.parse(bytes, at: offset)
    } catch {
      throw BodyError(reason: .trailerInvalid)
    }
    switch outcome {
    case .incomplete:
      guard trailerBytes + bytes.count - offset <= BodyDecoder.trailerBytesMax else {
        throw BodyError(reason: .trailerInvalid)
      }
      return Step(consumed: 0, data: .empty)
    case .end(let end):
      state = .complete
      return Step(consumed: end - offset, data: .empty)
    case .line(let line, let next):
      trailerBytes += next - offset
      switch line.known {
      case .contentLength, .transferEncoding, .host: throw BodyError(reason: .trailerInvalid)
      default: break
      }
      guard trailerBytes <= BodyDecoder.trailerBytesMax else { throw BodyError(reason: .trailerInvalid) }
      return Step(consumed: next - offset, data: .empty)
    }
  }
}

/// Frames chunks (RFC 9112 §7.1).
public enum ChunkEncoder {
  /// Writes `chunk-size CRLF`; the range that it takes of `line`.
  public static func writeSizeLine(_ count: Int, to line: inout InlineArray<18, UInt8>) -> Range<Int> {
    line[16] = 0x0D
    line[17] = 0x0A
    var index = 16
    var rest = count
    repeat {
      index -= 1
      let digit = UInt8(truncatingIfNeeded: rest & 0xF)
      line[index] = digit < 10 ? 0x30 + digit : 0x57 + digit
      rest >>= 4
    } while rest > 0
    return index..<18
  }
}
