public import HTTP
public import Tokens

/// One provider's keys in force, for people who want to see them.
public struct KeyListing: Sendable {
  /// Where a set came from.
  public enum Origin: Sendable, Equatable {
    /// From this address.
    case network(ShownURL)
    /// From the copy at this path; nothing was fetched since the start.
    case copy(String)
    case file(String)
    /// From the gateway's own folder.
    case ownFolder(String)
  }

  /// One of the keys, and where it comes from.
  public struct Key: Sendable {
    /// The key itself. Of a shared secret this contains the secret: it is not to be shown.
    public let key: VerificationKey
    /// RFC 7638, SHA-256; nil for a shared secret.
    public let thumbprint: String?
    /// By this process, or those before it whose copy it found; for the gateway's own, when the key was made.
    public let firstSeenAt: UnixSeconds
    /// Where the private half stands; nil for somebody else's.
    public let file: String?
  }

  /// The provider's name in the configuration.
  public let provider: String
  /// The `iss` of the provider's tokens.
  public let issuer: String
  /// nil: there are none that can be used.
  public let origin: Origin?
  /// In their order; empty where `origin` is nil.
  public let keys: [Key]
  /// When keys were last fetched, or read, also where they are too old to be used now; nil: there never were any.
  public let fetchedAt: UnixSeconds?
  /// Fetches that failed since then, in a row.
  public let failures: Int
  /// The longest time between two fetches while all goes well, as the issuer's Cache-Control shortens it; nil for keys
  /// of this machine.
  public let fetchedEvery: Duration?

  static func thumbprint(_ key: VerificationKey) -> String? { try? Thumbprint.of(key.key) }
}
