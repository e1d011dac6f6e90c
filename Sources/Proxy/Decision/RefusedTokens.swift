import Crypto
import Reason
import Tokens

/// The opaque tokens that an issuer has just refused, remembered by one loop: a few, for seconds, by their hash.
///
/// A bad token that is sent again and again costs its issuer only an occasional question. They are kept apart from the
/// tokens that passed, so that a flood of bad ones evicts none of those; when full, the oldest is evicted.
struct RefusedTokens {
  private struct Entry {
    let reason: Reason
    /// It is not found from this second on.
    let deadline: UnixSeconds
  }

  static let countMax = 1000
  /// How long a token is remembered, in seconds.
  static let secondsMax: Int64 = 10

  private var entries: [[UInt8]: Entry] = [:]
  /// Keys in order of arrival; once full, the oldest is at `oldest`.
  private var order: [[UInt8]] = []
  private var oldest = 0

  var count: Int { entries.count }

  /// Why `token` was refused a moment ago; nil if that is not remembered.
  func find(_ token: Span<UInt8>, provider: Int, now: UnixSeconds) -> Reason? {
    guard !entries.isEmpty, let key = RefusedTokens.key(token, provider), let entry = entries[key],
      now < entry.deadline
    else { return nil }
    return entry.reason
  }

  /// - Parameter seconds: For how long, at most `secondsMax`; 0 for not at all.
  mutating func insert(_ token: Span<UInt8>, provider: Int, _ reason: Reason, now: UnixSeconds, seconds: Int64) {
    guard seconds > 0, let key = RefusedTokens.key(token, provider) else { return }
    let entry = Entry(reason: reason, deadline: now + min(seconds, RefusedTokens.secondsMax))
    guard entries.updateValue(entry, forKey: key) == nil else { return }
    if order.count < RefusedTokens.countMax {
      order.append(key)
    } else {
      entries[order[oldest]] = nil
      order[oldest] = key
      oldest = (oldest + 1) % RefusedTokens.countMax
    }
  }

  mutating func removeAll() { self = RefusedTokens() }

  /// nil if OpenSSL fails; then nothing is remembered.
  private static func key(_ token: Span<UInt8>, _ provider: Int) -> [UInt8]? {
    guard var key = try? HashFunction.sha256.digest(of: token) else { return nil }
    key.append(UInt8(truncatingIfNeeded: provider))
    key.append(UInt8(truncatingIfNeeded: provider >> 8))
    return key
  }
}
