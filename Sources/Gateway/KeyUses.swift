import Reason
import Sockets
import Telemetry

/// How many requests of an access log came with a token that a key verified.
struct KeyUses {
  private struct Key: Hashable {
    let provider: [UInt8]
    /// nil: tokens that named none.
    let keyID: [UInt8]?
  }

  private var counts: [Key: Int] = [:]

  /// - Parameter log: A file of lines as JSON or logfmt; what is neither is passed over.
  init(log: String) throws(SystemError) {
    var counts: [Key: Int] = [:]
    try FileAccess.forEachLine(of: log, bytesMax: 64 * 1024) { line in
      guard let key = KeyUses.verifyingKey(LogLine(line)) else { return }
      counts[key, default: 0] += 1
    }
    self.counts = counts
  }

  func count(provider: String, keyID: String?) -> Int {
    counts[Key(provider: Array(provider.utf8), keyID: keyID.map { Array($0.utf8) })] ?? 0
  }

  /// Of all keys of the provider together.
  func count(provider: String) -> Int {
    let name = Array(provider.utf8)
    return counts.reduce(0) { $1.key.provider == name ? $0 + $1.value : $0 }
  }

  /// A token was looked at, and it is not the token that was refused.
  private static func verifyingKey(_ line: LogLine?) -> Key? {
    guard let line, let provider = line["provider"], line["cache"] != nil else { return nil }
    let reason = line["reason"].flatMap { Reason(rawValue: $0) }
    if reason?.status == 401 || reason == .keysUnavailable { return nil }
    return Key(provider: Array(provider.utf8), keyID: line["key_id"].map { Array($0.utf8) })
  }
}
