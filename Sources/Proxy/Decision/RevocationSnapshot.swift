public import Tokens

/// What is revoked at one moment.
public struct RevocationSnapshot: Sendable {
  public let revocations: Revocations
  /// Sign-ins that have ended here. A set of its own: they change often, and the other may be large.
  public let endedSignIns: Revocations
  /// Another one for other revocations: a token that was found good under this one needs no second look. Never used
  /// twice in one process.
  public let generation: UInt64
  /// What it names that the one before did not, and may name more; nil: whatever it names may be new.
  public let news: [RevokedName]?

  public init(
    _ revocations: Revocations, endedSignIns: Revocations = Revocations(), generation: UInt64,
    news: [RevokedName]? = nil
  ) {
    self.revocations = revocations
    self.endedSignIns = endedSignIns
    self.generation = generation
    self.news = news
  }

  /// Before anything was read.
  public static let none = RevocationSnapshot(Revocations(), generation: 0)
}
