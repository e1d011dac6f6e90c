import CSystem
import Glibc

/// What a read or write on a nonblocking socket came to.
public enum IOResult: Equatable, Sendable {
  /// So many bytes, at least one.
  case bytes(Int)
  /// Nothing now: the loop will say when.
  case wouldBlock
  /// The peer sends no more (reads only).
  case end
  /// The connection is broken; `errno`.
  case failed(Int32)
}

/// A connected, or connecting, stream socket.
@safe
public struct Socket: ~Copyable {
  /// -1 once closed.
  public private(set) var descriptor: Int32

  init(owning descriptor: Int32) { self.descriptor = descriptor }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  /// Begins to connect; ready for writing once it is decided (`connectionError`).
  public static func connect(to address: SocketAddress) throws(SystemError) -> Socket {
    let descriptor = csystem_stream_socket(address.family)
    guard descriptor >= 0 else { throw .last("socket") }
    let socket = Socket(owning: descriptor)
    if !address.isUnix { _ = csystem_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
    var storage = address.storage
    // SAFETY: `length` was computed by the system for this storage.
    if unsafe csystem_connect(descriptor, &storage, address.length) != 0, errno != EINPROGRESS {
      throw .last("connect")
    }
    return socket
  }

  /// Two sockets connected to each other.
  public static func pair() throws(SystemError) -> SocketPair {
    var numbers = InlineArray<2, Int32>(repeating: -1)
    var span = numbers.mutableSpan
    // SAFETY: the call writes two descriptors into the two elements.
    let result = unsafe span.withUnsafeMutableBufferPointer { buffer in unsafe csystem_stream_pair(buffer.baseAddress) }
    guard result == 0 else { throw .last("socketpair") }
    return SocketPair(first: Socket(owning: numbers[0]), second: Socket(owning: numbers[1]))
  }

  /// What became of connecting: nil when it succeeded.
  public var connectionError: SystemError? {
    let code = csystem_get_error(descriptor)
    return code == 0 ? nil : SystemError(call: "connect", code: code)
  }

  /// Appends to `buffer` what has arrived, at most its `writableCount`, which must not be 0.
  ///
  /// - Parameter most: Bytes that are taken at most; nil: what fits.
  public func read(into buffer: inout Buffer, most: Int? = nil) -> IOResult {
    receive(into: &buffer, most: min(most ?? .max, buffer.writableCount), staying: false)
  }

  @inline(__always)
  private func receive(into buffer: inout Buffer, most: Int, staying: Bool) -> IOResult {
    precondition(most > 0 && most <= buffer.writableCount)
    while true {
      // SAFETY: `most` bytes behind `end` belong to the block.
      let count =
        staying
        ? unsafe csystem_peek(descriptor, buffer.base + buffer.end, most)
        : unsafe csystem_receive(descriptor, buffer.base + buffer.end, most)
      if count > 0 {
        buffer.end += count
        return .bytes(count)
      }
      if count == 0 { return .end }
      let code = errno
      if code == EINTR { continue }
      return code == EAGAIN ? .wouldBlock : .failed(code)
    }
  }

  /// As `read`, but leaves what has arrived to be read again.
  public func peek(into buffer: inout Buffer) -> IOResult {
    receive(into: &buffer, most: buffer.writableCount, staying: true)
  }

  /// Sends what is readable in `buffer`, and consumes what the system took.
  public func write(_ buffer: inout Buffer) -> IOResult {
    let result = write(buffer, from: 0, to: buffer.count)
    if case .bytes(let count) = result { buffer.consume(count) }
    return result
  }

  /// Sends the readable bytes `lower..<upper` of `buffer`, without consuming them.
  public func write(_ buffer: borrowing Buffer, from lower: Int, to upper: Int) -> IOResult {
    precondition(lower >= 0 && lower < upper && upper <= buffer.count)
    while true {
      // SAFETY: the range was checked against the readable bytes.
      let count = unsafe csystem_send(descriptor, buffer.base + buffer.start + lower, upper - lower)
      if count >= 0 { return .bytes(count) }
      let code = errno
      if code == EINTR { continue }
      return code == EAGAIN ? .wouldBlock : .failed(code)
    }
  }

  /// Bytes that were written and that the peer's system has not acknowledged yet; 0 where that is not known, as of
  /// Unix sockets.
  public var unacknowledgedBytes: Int { max(0, Int(csystem_unacknowledged(descriptor))) }

  /// Sends no more; the peer reads an end.
  public func shutdownWrite() { _ = csystem_shutdown_write(descriptor) }

  /// Closes; what was not sent yet is still sent.
  public mutating func close() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
  }

  /// Closes with a reset: the peer sees that the message was cut.
  public mutating func abort() {
    guard descriptor >= 0 else { return }
    _ = csystem_abort(descriptor)
    close()
  }
}

/// The two ends of `Socket.pair()`.
public struct SocketPair: ~Copyable {
  private let first: Socket
  private let second: Socket

  init(first: consuming Socket, second: consuming Socket) {
    self.first = first
    self.second = second
  }

  /// Gives `far` to `body` and returns the other end.
  public consuming func giveFar(_ body: (consuming Socket) throws(SystemError) -> Void) throws(SystemError) -> Socket {
    try body(second)
    return first
  }
}
