/// How many requests of a log were refused: why, by whose fault, on which route, and since when; and what is only
/// tried.
public struct LogSummary: Sendable {
  /// What is counted of one word of a field, such as one reason.
  public struct Count: Sendable, Equatable {
    /// The word; `(others)` stands for all beyond the first thousand of a field, `(no route)` for requests that matched
    /// none.
    public let word: String
    /// Of a reason, whose fault it is; otherwise nil.
    public let blame: String?
    /// All lines with that word.
    public private(set) var requests = 0
    /// Those of `requests` that have a reason.
    public private(set) var refused = 0
    /// When the earliest of them began, as lines write it.
    public private(set) var first: String
    /// When the latest of them began, as lines write it.
    public private(set) var last: String

    init(_ word: String, blame: String? = nil, _ line: LogLine) {
      self.word = word
      self.blame = blame
      first = line.time
      last = line.time
    }

    mutating func add(_ line: LogLine) {
      requests += 1
      if line["reason"] != nil { refused += 1 }
      // Lines are written when requests end, and say when they began.
      first = min(first, line.time)
      last = max(last, line.time)
    }
  }

  /// All requests; nil: there were none.
  public private(set) var all: Count?
  private var reasons: [String: Count] = [:]
  private var blames: [String: Count] = [:]
  private var routes: [String: Count] = [:]
  private var triedReasons: [String: Count] = [:]
  private var shadows: [String: Count] = [:]

  /// Of different words of a kind: a log that somebody forged may have any number.
  static let wordsMax = 1000
  static let otherWords = "(others)"
  static let noRoute = "(no route)"

  /// A summary of no lines.
  public init() {}

  /// Counts a line of the access log. Program messages are ignored.
  public mutating func add(_ line: LogLine) {
    guard line.kind == .access else { return }
    var all = all ?? Count("all", line)
    all.add(line)
    self.all = all
    LogSummary.add(line["route"] ?? LogSummary.noRoute, line, to: &routes)
    if let shadow = line["shadow"] { LogSummary.add(shadow, line, to: &shadows) }
    if let tried = line["tried"] { LogSummary.add(tried, line, to: &triedReasons) }
    guard let reason = line["reason"] else { return }
    LogSummary.add(reason, blame: line["blame"], line, to: &reasons)
    if let blame = line["blame"] { LogSummary.add(blame, line, to: &blames) }
  }

  private static func add(_ word: String, blame: String? = nil, _ line: LogLine, to counts: inout [String: Count]) {
    let isKept = counts[word] != nil || counts.count < wordsMax
    let word = isKept ? word : otherWords
    counts[word, default: Count(word, blame: isKept ? blame : nil, line)].add(line)
  }

  /// The requests with a `reason`, by it, the most frequent first.
  public var byReason: [Count] { LogSummary.sorted(reasons) }
  /// The same requests by `blame`, the most frequent first.
  public var byBlame: [Count] { LogSummary.sorted(blames) }
  /// All requests by route, the most frequent first.
  public var byRoute: [Count] { LogSummary.sorted(routes) }
  /// The requests that something tried has refused, by reason, the most frequent first.
  public var byTried: [Count] { LogSummary.sorted(triedReasons) }
  /// The admitted requests that something tried would have refused, by reason, the most frequent first.
  public var byShadow: [Count] { LogSummary.sorted(shadows) }

  private static func sorted(_ counts: [String: Count]) -> [Count] {
    counts.values.sorted { ($1.requests, $0.word) < ($0.requests, $1.word) }
  }
}
