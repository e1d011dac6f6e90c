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

  private static let changesMax = 2000
  private static let sendersMax = 100_000

  mutating func add(_ change: Change, subject: String?, provider: String?, example: String) {
    requests += 1
    guard changes[change] != nil || changes.count < ReplayFlips.changesMax else {
      rest += 1
      return
    }
    if changes[change] == nil { changes[change] = [:] }
    let sender = Sender(subject: subject, provider: provider)
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
