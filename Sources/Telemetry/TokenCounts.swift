public import Tokens

/// Where in a request a token stood.
public enum TokenPlace: Int, Sendable, CaseIterable {
  /// In Authorization, behind Bearer (RFC 6750 §2.1).
  case bearer
  /// In Authorization, behind DPoP (RFC 9449 §7.1).
  case dpop
  case cookie
  /// Among the protocols of a WebSocket's handshake.
  case webSocketProtocol
  /// In no request: the provider's own word, when somebody signs in, goes on or signs out there (OpenID Connect).
  case codeFlow

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

/// A verified token that came, with a request or by the code flow.
public struct TokenArrival: Sendable {
  public let place: TokenPlace
  /// nil: it does not say.
  public let issuedAt: UnixSeconds?
  public let expiresAt: UnixSeconds
  public let now: UnixSeconds

  public init(place: TokenPlace, issuedAt: UnixSeconds?, expiresAt: UnixSeconds, now: UnixSeconds) {
    self.place = place
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    self.now = now
  }
}

/// What is counted of tokens that have something in common: how many came, when, and how old those of requests
/// were.
public struct TokenCounts: Sendable {
  /// Of those that stood in one place.
  public struct Use: Sendable {
    public fileprivate(set) var count: UInt64 = 0
    /// When the first one came, and the last one; without meaning where there was none.
    public fileprivate(set) var first: UnixSeconds = 0
    public fileprivate(set) var last: UnixSeconds = 0
    /// When all of them have expired.
    public fileprivate(set) var lastExpiry: UnixSeconds = 0

    public init() {}

    fileprivate mutating func count(_ arrival: TokenArrival) {
      if count == 0 { first = arrival.now }
      count &+= 1
      last = arrival.now
      if arrival.expiresAt > lastExpiry { lastExpiry = arrival.expiresAt }
    }

    public mutating func add(_ other: Use) {
      guard other.count > 0 else { return }
      first = count == 0 ? other.first : min(first, other.first)
      last = count == 0 ? other.last : max(last, other.last)
      lastExpiry = max(lastExpiry, other.lastExpiry)
      count &+= other.count
    }
  }

  private var uses = InlineArray<5, Use>(repeating: Use())
  /// How old they were; those that do not say when they were issued are not among them.
  public private(set) var ages = SecondsHistogram()
  /// How long they had still to live.
  public private(set) var remains = SecondsHistogram()

  public init() {}

  mutating func count(_ arrival: TokenArrival) {
    uses[arrival.place.rawValue].count(arrival)
    // Which is always a new one.
    if arrival.place == .codeFlow { return }
    if let issuedAt = arrival.issuedAt { ages.add(arrival.now &- issuedAt) }
    remains.add(arrival.expiresAt &- arrival.now)
  }

  public mutating func add(_ other: TokenCounts) {
    for place in uses.indices { uses[place].add(other.uses[place]) }
    ages.add(other.ages)
    remains.add(other.remains)
  }

  public func use(in place: TokenPlace) -> Use { uses[place.rawValue] }

  /// Wherever they stood.
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

/// How many of something lasted how many seconds.
public struct SecondsHistogram: Sendable {
  /// Seconds: each counts what lasted that long or shorter, and longer than the one before.
  public static let bounds: InlineArray<7, Int64> = [60, 300, 900, 3600, 21_600, 86_400, 604_800]
  /// The last one is of what lasted longer than any.
  private var counts = InlineArray<8, UInt64>(repeating: 0)

  public init() {}

  mutating func add(_ seconds: Int64) {
    var index = 0
    while index < SecondsHistogram.bounds.count, seconds > SecondsHistogram.bounds[index] { index += 1 }
    counts[index] &+= 1
  }

  public mutating func add(_ other: SecondsHistogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
  }

  /// - Parameter index: Of a bound, or one more for what lasted longer than any.
  public func count(of index: Int) -> UInt64 { counts.indices.contains(index) ? counts[index] : 0 }

  public var total: UInt64 {
    var sum: UInt64 = 0
    for index in counts.indices { sum &+= counts[index] }
    return sum
  }
}
