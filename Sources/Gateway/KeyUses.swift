import JSON
import Reason
import Sockets

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
      guard let key = KeyUses.verifyingKey(AccessLine(line)) else { return }
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
  private static func verifyingKey(_ line: AccessLine?) -> Key? {
    guard let line, let provider = line["provider"], line["cache"] != nil else { return nil }
    let reason = line["reason"].flatMap { Reason(rawValue: $0) }
    if reason?.status == 401 || reason == .keysUnavailable { return nil }
    return Key(provider: Array(provider.utf8), keyID: line["key_id"].map { Array($0.utf8) })
  }
}

/// A line of the access log, as it was written.
struct AccessLine {
  private var values: [String: String] = [:]

  subscript(_ name: String) -> String? { values[name] }

  /// nil where it is neither JSON nor logfmt.
  init?(_ line: Span<UInt8>) {
    guard line.count > 0 else { return nil }
    if line[0] == UInt8(ascii: "{") {
      guard let members = try? JSON.parse(line).object?.members else { return nil }
      for member in members { values[member.name] = member.value.string }
      return
    }
    var index = 0
    while index < line.count {
      guard let equals = AccessLine.find(UInt8(ascii: "="), line, from: index) else { return nil }
      let name = AccessLine.text(line, index..<equals)
      var end = equals + 1
      if end < line.count, line[end] == UInt8(ascii: "\"") {
        end += 1
        while end < line.count, line[end] != UInt8(ascii: "\"") { end += line[end] == UInt8(ascii: "\\") ? 2 : 1 }
        guard end < line.count, let value = try? JSON.parse(line.extracting(equals + 1..<end + 1)).string else {
          return nil
        }
        values[name] = value
        end += 1
      } else {
        end = AccessLine.find(UInt8(ascii: " "), line, from: end) ?? line.count
        values[name] = AccessLine.text(line, equals + 1..<end)
      }
      index = end + 1
    }
  }

  private static func find(_ byte: UInt8, _ line: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    while index < line.count {
      if line[index] == byte { return index }
      index += 1
    }
    return nil
  }

  private static func text(_ line: Span<UInt8>, _ range: Range<Int>) -> String {
    var bytes: [UInt8] = []
    for index in range { bytes.append(line[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
