public import Tokens

/// Where in a request a token was found.
public enum TokenPlace: Int, Sendable, CaseIterable {
  /// In Authorization, behind Bearer (RFC 6750 §2.1).
  case bearer
  /// In Authorization, behind DPoP (RFC 9449 §7.1).
  case dpop
  /// In the cookie that the provider names.
  case cookie
  /// Among the protocols of a WebSocket's handshake.
  case webSocketProtocol
  /// In no request: the provider's own word, when somebody signs in, goes on or signs out there (OpenID Connect).
  case codeFlow

  /// The place's name in metrics and JSON; it does not change between versions.
  public var name: String {
    switch self {
    case .bearer: "bearer"
    case .dpop: "dpop"
    case .cookie: "cookie"
    case .webSocketProtocol: "websocket_protocol"
    case .codeFlow: "code_flow"
    }
  }
}

/// A verified token that arrived with a request or through the code flow.
public struct TokenArrival: Sendable {
  /// Where it was found.
  public let place: TokenPlace
  /// Its `iat` (RFC 7519 §4.1.6); nil: it has none.
  public let issuedAt: UnixSeconds?
  /// Its `exp` (RFC 7519 §4.1.4).
  public let expiresAt: UnixSeconds
  /// When it arrived.
  public let now: UnixSeconds

  /// A token that was found in `place` at the time `now`.
  public init(place: TokenPlace, issuedAt: UnixSeconds?, expiresAt: UnixSeconds, now: UnixSeconds) {
    self.place = place
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    self.now = now
  }
}

/// What is counted of tokens of one kind: how many arrived and when, and how old those of requests were.
public struct TokenCounts: Sendable {
  /// The counts of the tokens that were found in one place, or in several together.
  public struct Use: Sendable {
    /// How many tokens arrived; a token that comes with each request counts each time.
    public fileprivate(set) var count: UInt64 = 0
    /// When the first one arrived; 0 where `count` is.
    public fileprivate(set) var first: UnixSeconds = 0
    /// When the last one arrived; 0 where `count` is.
    public fileprivate(set) var last: UnixSeconds = 0
    /// When all of them will have expired: the latest `exp`. 0 where `count` is.
    public fileprivate(set) var lastExpiry: UnixSeconds = 0

    /// No tokens.
    public init() {}

    fileprivate mutating func count(_ arrival: TokenArrival) {
      if count == 0 { first = arrival.now }
      count &+= 1
      last = arrival.now
      if arrival.expiresAt > lastExpiry { lastExpiry = arrival.expiresAt }
    }

    /// Adds what was counted elsewhere; times become the earliest and the latest of both.
    public mutating func add(_ other: Use) {
      guard other.count > 0 else { return }
      first = count == 0 ? other.first : min(first, other.first)
      last = count == 0 ? other.last : max(last, other.last)
      lastExpiry = max(lastExpiry, other.lastExpiry)
      count &+= other.count
    }
  }

  private var uses = InlineArray<5, Use>(repeating: Use())
  /// How old the tokens of requests were when they arrived; those without `iat` are not counted.
  public private(set) var ages = SecondsHistogram()
  /// How long the tokens of requests had still to live.
  public private(set) var remains = SecondsHistogram()

  /// No tokens.
  public init() {}

  mutating func count(_ arrival: TokenArrival) {
    uses[arrival.place.rawValue].count(arrival)
    // Which is always a new one.
    if arrival.place == .codeFlow { return }
    if let issuedAt = arrival.issuedAt { ages.add(arrival.now &- issuedAt) }
    remains.add(arrival.expiresAt &- arrival.now)
  }

  /// Adds what was counted elsewhere of the same kind of token.
  public mutating func add(_ other: TokenCounts) {
    for place in uses.indices { uses[place].add(other.uses[place]) }
    ages.add(other.ages)
    remains.add(other.remains)
  }

  /// The counts of the tokens that were found in `place`.
  public func use(in place: TokenPlace) -> Use { uses[place.rawValue] }

  /// The counts of all tokens, wherever they were found.
  public var use: Use {
    var sum = Use()
    for place in uses.indices { sum.add(uses[place]) }
    return sum
  }

  /// When the last one came; 0: none has.
  var last: UnixSeconds {
    var last: UnixSeconds = 0
    for place in uses.indices { last = max(last, uses[place].last) }
    return last
  }
}

/// How many of something lasted how long, in seconds.
public struct SecondsHistogram: Sendable {
  /// Seconds, ascending. Each bucket counts what lasted at most as long as its bound and longer than the bound before.
  public static let bounds: InlineArray<7, Int64> = [60, 300, 900, 3600, 21_600, 86_400, 604_800]
  /// The last one is of what lasted longer than any.
  private var counts = InlineArray<8, UInt64>(repeating: 0)

  /// An empty histogram.
  public init() {}

  mutating func add(_ seconds: Int64) {
    var index = 0
    while index < SecondsHistogram.bounds.count, seconds > SecondsHistogram.bounds[index] { index += 1 }
    counts[index] &+= 1
  }

  /// Adds the counts of `other`, bucket by bucket.
  public mutating func add(_ other: SecondsHistogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
  }

  /// How many are in one bucket. Not cumulative.
  ///
  /// - Parameter index: That of the bucket's bound, or one more than the last for what lasted longer than any; of
  ///   another index the count is 0.
  public func count(of index: Int) -> UInt64 { counts.indices.contains(index) ? counts[index] : 0 }

  /// The sum of all buckets.
  public var total: UInt64 {
    var sum: UInt64 = 0
    for index in counts.indices { sum &+= counts[index] }
    return sum
  }
}
