public import Tokens

/// What is revoked at one moment.
public struct RevocationSnapshot: Sendable {
  /// What the file of revocations says.
  public let revocations: Revocations
  /// Sign-ins that have ended here. Kept separately: they change often, and the other set may be large.
  public let endedSignIns: Revocations
  /// Differs for other revocations: a token found valid under this generation needs no second look. Never reused in a
  /// process.
  public let generation: UInt64
  /// The names that are new since the snapshot before, and possibly others; nil if any name may be new.
  public let news: [RevokedName]?

  /// - Parameters:
  ///   - generation: One that no other snapshot of the process has.
  ///   - news: nil if any name may be new.
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
