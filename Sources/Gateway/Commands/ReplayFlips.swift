import Configuration
import Reason

/// Requests that another configuration decides otherwise, by what changes and by whose they are. Bounded: what comes when
/// it is full is counted without its subject, or together.
struct ReplayFlips {
  struct Change: Hashable {
    /// The one that was taken; nil: none.
    let route: String?
    /// Why it was refused; nil: it was let through.
    let was: Reason?
    let wasUpstream: String?
    let becomes: Replay.Verdict
  }

  struct Sender: Hashable {
    /// nil: nobody, or nobody who has a name.
    let subject: String?
    let provider: String?
  }

  struct Count {
    private(set) var requests = 0
    /// A request's id.
    let example: String

    init(_ example: String) { self.example = example }

    mutating func add() { requests += 1 }
  }

  private(set) var changes: [Change: [Sender: Count]] = [:]
  /// Of senders for whom there was no room, by change.
  private(set) var others: [Change: Count] = [:]
  /// Of changes for which there was no room.
  private(set) var rest = 0
  private(set) var requests = 0
  private var sendersHeld = 0

  /// A text of which no more is kept than 64 bytes; what tells longer ones apart is put behind them.
  private static func bounded(_ text: String) -> String {
    guard text.utf8.count > 64 else { return text }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return String(decoding: text.utf8.prefix(64), as: UTF8.self) + "…" + String(hash, radix: 16)
  }

  private static let changesMax = 2000
  private static let sendersMax = 50_000

  mutating func add(_ change: Change, subject: String?, provider: String?, example: String) {
    requests += 1
    guard changes[change] != nil || changes.count < ReplayFlips.changesMax else {
      rest += 1
      return
    }
    if changes[change] == nil { changes[change] = [:] }
    let sender = Sender(subject: subject.map(ReplayFlips.bounded), provider: provider)
    let example = ReplayFlips.bounded(example)
    if changes[change]?[sender] == nil {
      guard sendersHeld < ReplayFlips.sendersMax else {
        others[change, default: Count(example)].add()
        return
      }
      sendersHeld += 1
    }
    changes[change, default: [:]][sender, default: Count(example)].add()
  }
}
