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

  /// Of one key.
  struct Use {
    fileprivate(set) var count: UInt64 = 0
    /// RFC 3339; nil: never.
    fileprivate(set) var last: String?

    fileprivate mutating func add(_ other: Use) {
      count &+= other.count
      if let time = other.last, time > last ?? "" { last = time }
    }
  }

  private var uses: [Key: Use] = [:]

  /// - Parameter log: A file of lines as JSON or logfmt; what is neither, and longer than any, is passed over.
  init(log: String) throws(SystemError) {
    var uses: [Key: Use] = [:]
    try FileAccess.forEachLine(of: log, bytesMax: 64 * 1024) { line, extent in
      guard extent == .whole else { return }
      let line = LogLine(line)
      guard let key = KeyUses.verifyingKey(line) else { return }
      uses[key, default: Use()].add(Use(count: 1, last: line?.time))
    }
    self.uses = uses
  }

  func use(provider: String, keyID: String?) -> Use {
    uses[Key(provider: Array(provider.utf8), keyID: keyID.map { Array($0.utf8) })] ?? Use()
  }

  /// Of all keys of the provider together.
  func use(provider: String) -> Use {
    let name = Array(provider.utf8)
    return uses.reduce(into: Use()) { if $1.key.provider == name { $0.add($1.value) } }
  }

  /// A token was looked at, and it is not the token that was refused.
  private static func verifyingKey(_ line: LogLine?) -> Key? {
    guard let line, let provider = line["provider"], line["cache"] != nil else { return nil }
    let reason = line["reason"].flatMap { Reason(rawValue: $0) }
    if reason?.status == 401 || reason == .keysUnavailable { return nil }
    return Key(provider: Array(provider.utf8), keyID: line["key_id"].map { Array($0.utf8) })
  }
}
