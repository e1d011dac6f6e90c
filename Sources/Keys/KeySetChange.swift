internal import JSON
internal import Tokens

/// Which keys came and which went as one set took another's place. A key under another
/// name or for another algorithm, or another key under the same name, is both.
public struct KeySetChange: Sendable, Equatable {
  /// As many keys are named, of those that came and of those that went; of the others it is said how many they are.
  public static let namedMax = 5

  /// Their `kid`s for people, quoted, each the first 100 bytes at most: they are the issuer's words. nil: none.
  public let added: String?
  /// The same of those that went.
  public let removed: String?

  /// - Parameter before: nil: there were none.
  init(from before: KeySet?, to after: KeySet) {
    let (old, new) = (before.map(KeySetChange.keys) ?? [], KeySetChange.keys(of: after))
    added = KeySetChange.names(new, without: old)
    removed = KeySetChange.names(old, without: new)
  }

  private struct Key {
    let name: String
    /// Thumbprint, algorithm and name, compared byte for byte: Unicode has more than one spelling of a text.
    let sign: [UInt8]
  }

  private static func keys(of set: KeySet) -> [Key] {
    set.keys.map { key in
      let use = "\(KeyListing.thumbprint(key) ?? "") \(key.algorithm?.rawValue ?? "")"
      let name = key.keyID.map { JSONValue.quotedExcerpt($0) }
      return Key(
        name: name ?? "one without kid", sign: Array("\(use) \(key.keyID.map { "kid \($0)" } ?? "")".utf8))
    }
  }

  private static func names(_ keys: [Key], without others: [Key]) -> String? {
    let known = Set(others.map(\.sign))
    let names = keys.filter { !known.contains($0.sign) }.map(\.name)
    guard !names.isEmpty else { return nil }
    let more = names.count - namedMax
    return names.prefix(namedMax).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
  }
}
