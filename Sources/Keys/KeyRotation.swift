internal import Sockets
public import Tokens

/// How long the gateway's own keys sign, and how long they are good after that.
public struct KeyRotation: Sendable, Equatable {
  /// After so long another key signs.
  public let every: Duration
  /// How long a key is published after the next one has begun to sign: no token may live longer.
  public let keepFor: Duration

  /// - Parameter keepFor: At least as long as a token may live.
  public init(every: Duration, keepFor: Duration) {
    self.every = every
    self.keepFor = keepFor
  }

  /// How long a key is published before it signs: those who verify fetch keys from time to time.
  var ahead: Duration { min(.seconds(3600), every / 2) }
  /// Gateways that share the folder, whose clocks differ, look at it from time to time.
  fileprivate static let tolerance: Duration = .seconds(180)
}

extension SigningFolder {
  /// What was done in the folder.
  public struct Changes: Sendable {
    /// The key that was made; nil if it was not time for one.
    public var generated: Entry?
    /// The paths of the keys that were deleted.
    public var deleted: [String] = []
  }

  /// Makes the next key where its time has come, and deletes those that verify nothing any more. Processes that share
  /// the folder do so one after the other: none makes a second one.
  ///
  /// Keys of another algorithm than the configured one stay: nobody knows until when they signed. Blocks.
  public func rotate(_ rotation: KeyRotation, now: UnixSeconds) throws(KeyFault) -> Changes {
    guard isDue(try load(), rotation, now) else { return Changes() }
    var changes = Changes()
    var fault: KeyFault?
    try KeyFault.ofFiles { () throws(SystemError) in
      try FileAccess.withLock(onFolder: path) { () throws(SystemError) in
        do throws(KeyFault) {
          try rotateAlone(rotation, now, &changes)
        } catch {
          fault = error
        }
      }
    }
    if let fault { throw fault }
    return changes
  }

  private func rotateAlone(_ rotation: KeyRotation, _ now: UnixSeconds, _ changes: inout Changes) throws(KeyFault) {
    let entries = try load()
    if let time = nextTime(entries, rotation, now) { changes.generated = try generate(now: time) }
    for entry in outdated(entries, rotation, now) {
      try KeyFault.ofFiles { () throws(SystemError) in try FileAccess.remove(entry.file) }
      changes.deleted.append(entry.file)
    }
  }

  private func isDue(_ entries: [Entry], _ rotation: KeyRotation, _ now: UnixSeconds) -> Bool {
    nextTime(entries, rotation, now) != nil || !outdated(entries, rotation, now).isEmpty
  }

  /// From when a key signs that is to be made now; nil: none is. The first key is made elsewhere.
  private func nextTime(_ entries: [Entry], _ rotation: KeyRotation, _ now: UnixSeconds) -> UnixSeconds? {
    let ahead = rotation.ahead.components.seconds
    let times = entries.filter { $0.key.algorithm == algorithm }.map(\.createdAt)
    guard !times.isEmpty else { return nil }
    // One that was made while the clock was ahead is no reason to make none until it has come that far.
    let latest = now + ahead + KeyRotation.tolerance.components.seconds
    guard let newest = times.filter({ $0 <= latest }).max() else { return now + ahead }
    let due = newest + rotation.every.components.seconds
    return due - ahead <= now ? max(due, now + ahead) : nil
  }

  /// Those of the algorithm that were replaced so long ago that none of their tokens is good.
  private func outdated(_ entries: [Entry], _ rotation: KeyRotation, _ now: UnixSeconds) -> [Entry] {
    let own = entries.filter { $0.key.algorithm == algorithm }.sorted { $0.createdAt < $1.createdAt }
    let kept = (rotation.keepFor + KeyRotation.tolerance).components.seconds
    return zip(own, own.dropFirst()).filter { $1.createdAt + kept <= now }.map(\.0)
  }
}
