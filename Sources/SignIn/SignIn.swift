/// Module `SignIn`: signing in at the gateway, the tokens that come of it, and the documents that tell others of them.
/// May import: Configuration, Access, Tokens, HTTP, Crypto, JSON, State, Keys, OAuth, Fetch, Sockets, Reason.
/// Never does: work of its own on a loop, or keep or log a password or a token.

/// Fixed limits, which cannot be configured.
enum Limits {
  /// Failures of one account, and from one address, within `failuresWithinSeconds` (SECURITY C-11).
  static let accountFailuresMax = 10
  static let addressFailuresMax = 50
  static let failuresWithinSeconds: Int64 = 15 * 60
  /// Accounts and addresses of which failures are remembered, each.
  static let failuresRememberedMax = 1 << 16
  /// Passwords that wait to be checked.
  static let passwordsWaitingMax = 64
  /// Passwords and secrets of machines that are checked or wait for it, from one address: people may share one.
  static let addressPasswordsMax = 16
  /// Secrets of one machine that are checked or wait for it. No address reaches it by itself: who tries secrets would
  /// keep the machine out.
  static let clientSecretsMax = 32
  /// Requests of a provider that are worked on, or wait for it.
  static let requestsMax = 512
  /// Of these, from one address.
  static let addressRequestsMax = 128
  /// Codes of a provider that are being redeemed: whoever sends them has shown nothing, and each costs the provider a
  /// request.
  static let redemptionsMax = 64
  /// Of these, from one address.
  static let addressRedemptionsMax = 8
  /// Look-ups of sessions that the store has not answered: some eight transactions, so none is late.
  static let lookUpsMax = 4096
  /// Of these, from one address: one transaction's.
  static let addressLookUpsMax = 512
  /// Requests that wait for one session to be renewed.
  static let renewalWaitersMax = 256
  /// Sessions that a provider could not renew a moment ago, as they are remembered.
  static let renewalPausesMax = 16_384
  /// Bytes of a body: two passwords in JSON, every byte of them escaped.
  static let bodyBytesMax = 8 << 10
  /// How long after it came a request may use up a refresh token: after that nobody waits for what comes of it.
  static let refreshWithin: Duration = .seconds(3)
  /// How often something is written that must not be lost; each time a store that is held is waited for.
  static let storeTries = 3
  /// How long a refresh token that was replaced still gets an access token (SECURITY C-10).
  static let graceSeconds: Int64 = 10
  /// Bytes of a cookie with its name: browsers drop those over 4,096 with their attributes.
  static let cookieBytesMax = 4000
  static let usernameBytesMax = 128
  static let userAgentBytesMax = 200
  /// How often refusals of one kind are said in the log.
  static let saidEvery: Duration = .seconds(10)
}
