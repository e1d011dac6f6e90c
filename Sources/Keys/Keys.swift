/// Module `Keys`: the keys of every provider: where they come from, how fresh they are.
/// May import: Tokens, HTTP, JSON, Crypto, Fetch, Sockets.
/// Never does: verify a token, or run on a loop that carries requests: files and fetches belong to the control loop.

public import Sockets
public import Tokens

/// Where one provider's keys come from.
public struct KeySource: Sendable, Equatable {
  /// Where keys are, and of what kind they are.
  public enum Location: Sendable, Equatable {
    /// Nowhere: no token is verified with a key, and none is ever fetched.
    case none
    /// A JWK Set at an address (RFC 7517 §5).
    case jwksURL(String)
    /// What `issuer` + `/.well-known/openid-configuration` names (OpenID Connect Discovery §4).
    case discovery
    /// A JWK Set in a file (RFC 7517 §5).
    case jwksFile(String)
    /// A shared secret in a file, for HS256, HS384 and HS512.
    case secretFile(String)
    /// The gateway's own: a folder, and the algorithm of keys that it makes.
    case signing(folder: String, SignatureAlgorithm)
    /// The gateway's own, which others share: a file, those of the secrets before, and the algorithm that it signs with.
    case signingSecret(file: String, former: [String], SignatureAlgorithm)
  }

  /// The provider's name in the configuration.
  public var provider: String
  /// The `iss` of the provider's tokens; discovery begins with it.
  public var issuer: String
  /// Where the keys are.
  public var location: Location
  /// A PEM file to verify the issuer's certificate with; nil: the system's.
  public var certificateAuthorityFile: String?
  /// The longest time between two fetches; the issuer's Cache-Control may shorten it.
  public var refreshEvery: Duration
  /// How long keys are used that could not be refreshed.
  public var staleFor: Duration
  /// Where a copy of fetched keys is kept for the next start; nil: nowhere.
  public var cacheFile: String?
  /// How the gateway's own keys are replaced; nil: by hand.
  public var rotation: KeyRotation?

  /// By default keys are fetched every ten minutes, and used for a day if they cannot be; no copy is kept.
  public init(
    provider: String, issuer: String, location: Location, certificateAuthorityFile: String? = nil,
    refreshEvery: Duration = .seconds(600), staleFor: Duration = .seconds(86_400), cacheFile: String? = nil,
    rotation: KeyRotation? = nil
  ) {
    self.provider = provider
    self.issuer = issuer
    self.location = location
    self.certificateAuthorityFile = certificateAuthorityFile
    self.refreshEvery = refreshEvery
    self.staleFor = staleFor
    self.cacheFile = cacheFile
    self.rotation = rotation
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
  /// The gateway's own key that signs for the provider; nil: it does not sign.
  public var signer: IssuerKey?

  /// Keys that are never fetched.
  public init(keySet: KeySet, generation: UInt64, signer: IssuerKey?) {
    self.init(
      keySet: keySet, generation: generation, refetchAllowedAt: MonotonicTime(nanoseconds: .max), firstFetchEnded: true,
      answers: 0, signer: signer)
  }

  init(
    keySet: KeySet?, generation: UInt64, refetchAllowedAt: MonotonicTime, firstFetchEnded: Bool, answers: UInt64,
    signer: IssuerKey? = nil
  ) {
    self.keySet = keySet
    self.generation = generation
    self.refetchAllowedAt = refetchAllowedAt
    self.firstFetchEnded = firstFetchEnded
    self.answers = answers
    self.signer = signer
  }
}

/// The keys of all providers at one moment, in the order of the sources.
public struct KeySnapshot: Sendable {
  /// The keys by the provider's index in the configuration.
  public var providers: [ProviderKeys]

  /// - Parameter providers: In the order of the sources.
  public init(providers: [ProviderKeys]) {
    self.providers = providers
  }
}
