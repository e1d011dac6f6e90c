internal import COpenSSL
import Sockets
import Synchronization

/// The keys of session tickets (RFC 5077, RFC 8446 §4.6.1), shared by all loops, so that a session goes on whichever
/// loop its next connection comes to. They are random, live in memory alone, and end with the process.
///
/// A key seals tickets for twelve hours, and opens them for twelve more. It is asked for in handshakes alone, so that
/// the lock costs no request anything.
public final class TicketKeys: Sendable {
  /// How long a key seals, and how long a session may be resumed.
  static let lifetime: Duration = .seconds(12 * 3600)
  static let nameBytes = 16

  struct Key: Sendable {
    /// The name, which a ticket says in clear; 32 bytes for the cipher; 32 for the MAC.
    let bytes: [UInt8]
    fileprivate let madeAt: MonotonicTime
  }

  private struct State {
    var current: Key?
    var previous: Key?
  }

  private let state = Mutex(State())

  /// No key yet: the first is made when a ticket is.
  public init() {}

  /// The key that seals; nil where the system gives no random bytes.
  func sealing(now: MonotonicTime = .current) -> Key? {
    state.withLock { state in
      if let key = state.current, now - key.madeAt < TicketKeys.lifetime { return key }
      guard let key = Key.random(at: now) else { return nil }
      state.previous = state.current
      state.current = key
      return key
    }
  }

  /// The key of that name, and whether it still seals; nil where it is none of ours, or too old.
  func opening(_ name: Span<UInt8>, now: MonotonicTime = .current) -> (key: Key, isCurrent: Bool)? {
    state.withLock { state in
      for case let key? in [state.current, state.previous]
      where Bytes.areEqual(key.bytes.span.extracting(0..<TicketKeys.nameBytes), name) {
        let age = now - key.madeAt
        return age < TicketKeys.lifetime * 2 ? (key, age < TicketKeys.lifetime) : nil
      }
      return nil
    }
  }
}

extension TicketKeys.Key {
  fileprivate static func random(at time: MonotonicTime) -> Self? {
    var bytes = [UInt8](repeating: 0, count: TicketKeys.nameBytes + 64)
    let isDone = unsafe bytes.withUnsafeMutableBufferPointer { bytes in
      unsafe RAND_priv_bytes(bytes.baseAddress, Int32(clamping: bytes.count))
    }
    return isDone == 1 ? Self(bytes: bytes, madeAt: time) : nil
  }
}
