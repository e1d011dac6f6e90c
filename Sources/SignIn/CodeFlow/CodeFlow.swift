import Tokens

/// The relying party of OpenID Connect (Core 1.0 §3.1, RFC 9700): what a browser takes to the provider and brings back.
///
/// Everything here is a value: bytes and times go in. Nothing that a provider or a browser sends stands in a fault but
/// what RFC 6749 §5.2 calls an error code.
enum CodeFlow {
  /// How long a browser may be at the provider, in seconds (SECURITY C-5).
  static let secondsMax: Int64 = 600
  /// How long a sign-in may be under way, in seconds: at the provider, until its browser is back, and then at the token
  /// endpoint and userinfo, for which as long is left as for a renewal. Another process's clock may be ahead by a little.
  static let signInSecondsMax = secondsMax + renewalTakenSeconds + TokenPolicy.leewayMaxSeconds
  /// Of what binds `state` to a browser, and of `nonce`: 128 bits.
  static let stateBytes = 16
  /// Of what a way's cookie holds. The PKCE verifier follows from it, for which RFC 7636 §4.1 recommends 256 bits.
  static let flowSecretBytes = 32
  /// Of a session's id, which its cookie holds: 256 bits.
  static let sessionBytes = 32
  /// How long a loop takes the store's word for a session, in seconds.
  static let cacheSeconds: Int64 = 30
  /// How long it does where another process may be renewing the session, in seconds.
  static let renewedCacheSeconds: Int64 = 1
  /// However short-lived a provider's access tokens are: it is not asked for every request.
  static let renewalSecondsMin: Int64 = 10
  /// As long as the process that renews a session has it for itself, in seconds: longer than discovery, the token, keys and
  /// userinfo may take (each some seconds), and what is written as often as it is tried (`Limits.storeTries`).
  static let renewalTakenSeconds: Int64 = 60
  /// For how long a provider that did not say whether a session goes on is not asked for it again, in seconds.
  static let renewalPauseSeconds: Int64 = 3
  static let userinfoBytesMax = 64 * 1024
  /// Ways to the provider that a browser may be on at once: one more has it forget the oldest. As many more may be ways
  /// that pages of other sites have it begin.
  static let flowsMax = 12
  /// Places for their cookies: tabs that open at once choose from them without knowing of each other. All cookies together
  /// have to have room in a head of `limits.head`: each takes about 120 bytes.
  static let flowPlaces = 48
  /// Places for ways that pages of other sites have a browser begin: however many windows they open at once.
  static let flowPlacesOfOthers = 24
  /// Of the URL at which a provider ends its session: servers that take longer request lines are not to be counted on, and
  /// an ID token with hundreds of groups would be one.
  static let logoutURLBytesMax = 4000
  /// How long an access token is taken to be good where the provider does not say (RFC 6749 §5.1), in seconds.
  static let accessSecondsDefault: Int64 = 300
}
