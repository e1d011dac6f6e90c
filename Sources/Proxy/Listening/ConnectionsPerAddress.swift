import HTTP
import Synchronization

/// How many connections each client address holds, over all loops together (`limits.connections_per_address`).
///
/// It is asked when a connection opens and closes, never for a request; each part has a lock of its own, held for one
/// look-up.
final class ConnectionsPerAddress: Sendable {
  private let parts: [Part]

  private final class Part: Sendable {
    let counts = Mutex<[IPAddress: Int]>([:])
  }

  init() { parts = (0..<64).map { _ in Part() } }

  /// Counts one more; false, and not counted, where there are `most` already.
  func open(_ key: IPAddress, most: Int) -> Bool {
    part(of: key).counts.withLock { counts in
      let count = counts[key, default: 0]
      guard count < most else { return false }
      counts[key] = count + 1
      return true
    }
  }

  func close(_ key: IPAddress) {
    part(of: key).counts.withLock { counts in
      guard let count = counts[key] else { return }
      counts[key] = count > 1 ? count - 1 : nil
    }
  }

  private func part(of key: IPAddress) -> Part {
    parts[Int(truncatingIfNeeded: UInt(bitPattern: key.hashValue) % UInt(parts.count))]
  }
}
