import Tokens

/// The tunnels of one loop by what their identities stand on, so that a revocation finds those that it ends without a
/// look at all the others.
///
/// A tunnel has one entry for each name that may be revoked, and the entries of one name are a chain. Those of tunnels
/// that have ended stay until they are three of four: taking one out of its chain at once would cost the chain.
final class TunnelIdentities {
  private struct Entry {
    let slot: ExchangeSlot
    let generation: UInt64
    let hash: Int
    /// The place of the one before in the chain; -1: there is none.
    let previous: Int

    var isLive: Bool { slot.exchange.isTunnel(generation) }
  }

  private var entries: [Entry] = []
  /// The place of a chain's latest entry, by the hash of its name. Two names may share a chain.
  private var latest: [Int: Int] = [:]
  /// Entries of tunnels that go on.
  private var live = 0

  /// Fewer entries are not worth the work.
  private static let sweptMin = 64

  /// How many entries there are, those of tunnels that have ended too.
  var count: Int { entries.count }

  /// A tunnel begins.
  func add(_ slot: ExchangeSlot) {
    let names = slot.exchange.log.identity.revokedNames
    for name in names { insert(slot, slot.exchange.generation, name.hashValue) }
    slot.tunnelNames = names.count
    live += names.count
  }

  /// A tunnel that was added has ended, and its slot has been cleared.
  func ended(_ slot: ExchangeSlot) {
    live -= slot.tunnelNames
    slot.tunnelNames = 0
    if live == 0 || (entries.count >= TunnelIdentities.sweptMin && live <= entries.count / 4) { sweep() }
  }

  /// The tunnels that may stand on one of these names, and perhaps a few more; nil: all, each once or more often.
  func tunnels(standingOn names: [RevokedName]?) -> [ExchangeSlot] {
    guard let names else { return entries.filter(\.isLive).map(\.slot) }
    var found: [ExchangeSlot] = []
    if entries.isEmpty { return found }
    for name in names {
      var place = latest[name.hashValue] ?? -1
      while place >= 0 {
        if entries[place].isLive { found.append(entries[place].slot) }
        place = entries[place].previous
      }
    }
    return found
  }

  private func insert(_ slot: ExchangeSlot, _ generation: UInt64, _ hash: Int) {
    entries.append(Entry(slot: slot, generation: generation, hash: hash, previous: latest[hash] ?? -1))
    latest[hash] = entries.count - 1
  }

  private func sweep() {
    let kept = entries.filter(\.isLive)
    entries = []
    latest = [:]
    for entry in kept { insert(entry.slot, entry.generation, entry.hash) }
  }
}
