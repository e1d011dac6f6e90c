/// Module `Keys`: the keys of every provider: where they come from, how fresh they are.
/// May import: Tokens, JSON, Crypto, Fetch, Sockets, Reason.
/// Never does: verify a token, or run on a loop that carries requests: files and fetches belong to the control loop.

public import Sockets
public import Tokens

/// Where one provider's keys come from.
public struct KeySource: Sendable, Equatable {
  public enum Location: Sendable, Equatable {
    /// A JWK Set at an address (RFC 7517 §5).
    case jwksURL(String)
    /// What `issuer` + `/.well-known/openid-configuration` names (OpenID Connect Discovery §4).
    case discovery
    case jwksFile(String)
    case secretFile(String)
    /// The gateway's own: a folder, and the algorithm of keys that it makes.
    case signing(folder: String, SignatureAlgorithm)
  }

  public var provider: String
  public var issuer: String
  public var location: Location
  public var certificateAuthorityFile: String?
  public var refreshEvery: Duration
  /// How long keys are used that could not be refreshed.
  public var staleFor: Duration

  public init(
    provider: String, issuer: String, location: Location, certificateAuthorityFile: String? = nil,
    refreshEvery: Duration = .seconds(600), staleFor: Duration = .seconds(86_400)
  ) {
    self.provider = provider
    self.issuer = issuer
    self.location = location
    self.certificateAuthorityFile = certificateAuthorityFile
    self.refreshEvery = refreshEvery
    self.staleFor = staleFor
  }

  /// Whether the keys of both are the same ones, however often they are fetched.
  func isSamePlace(as other: KeySource) -> Bool {
    provider == other.provider && issuer == other.issuer && location == other.location
      && certificateAuthorityFile == other.certificateAuthorityFile
  }
}

/// One provider's keys, as the loops see them.
public struct ProviderKeys: Sendable {
  /// nil: none that can be used.
  public var keySet: KeySet?
  /// Another one for other keys; equal ones mean equal keys. Never used twice in one process.
  public var generation: UInt64
  /// From when on an unknown key is worth a fetch.
  public var refetchAllowedAt: MonotonicTime
  /// Whether the first fetch has ended, well or not.
  public var firstFetchEnded: Bool
  /// Counts the fetches that ended, well or not, and those that were asked for in vain: who waits for this provider's
  /// keys wakes when it changes, not when another's do.
  public var answers: UInt64
}

/// The keys of all providers at one moment, in the order of the sources.
public struct KeySnapshot: Sendable {
  public var providers: [ProviderKeys]

  public init(providers: [ProviderKeys]) {
    self.providers = providers
  }
}

/// What operators want to be told.
public enum KeyEvent: Sendable {
  /// New keys are in use.
  case updated(provider: String, keys: Int)
  /// A key of the set is left out, and why.
  case keyUnused(provider: String, KeySet.Problem)
  /// A fetch failed, of what and why; whether older keys are still used.
  case fetchFailed(provider: String, KeyFault, url: String, isServed: Bool)
  /// Older keys were used for `staleFor`, and are no longer.
  case expired(provider: String)
  /// A key of the gateway's own was made.
  case generated(provider: String, path: String)
}

/// Why keys cannot be had. No secret is in it.
public enum KeyFault: Error, Sendable {
  case fetch(FetchFault)
  /// Another status than 200.
  case status(Int)
  case keySet(KeySetError)
  /// The secret cannot be one.
  case secret(UnusedKey)
  /// No discovery document: not JSON, or without `issuer` or `jwks_uri`.
  case discoveryMalformed
  /// The discovery document is another issuer's (OpenID Connect Discovery §4.3).
  case issuerDiffers(found: String)
  /// The issuer is at https and its keys are not.
  case keysInPlainText(address: String)
  case file(SystemError)
  /// Whoever is not the owner can read a private key (SECURITY.md K-8).
  case fileIsOpen(String, mode: UInt32)
  /// Whoever is not the owner can put another private key in the folder.
  case folderIsOpen(String, mode: UInt32)
  /// Everyone can read, or change, a shared secret (SECURITY.md L-3).
  case secretIsOpen(String, mode: UInt32)
  case foreignFile(String)
  /// The file holds no private key for the algorithm in its name.
  case signingKeyUnusable(String)
  case keyNotGenerated
  /// The file of certificate authorities holds none.
  case noCertificate(String)
  /// The folder has no key, and none is to be made.
  case noSigningKey(String)
  /// The keys that were in use are not in the folder any more.
  case signingKeysGone(String)
}
