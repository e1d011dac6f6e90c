public import Tokens

/// Which verified tokens arrived: what one loop has counted since it began, or several loops together.
///
/// A value: a copy is what it was at that moment. Only verified tokens are counted, so the kinds are bounded by the
/// keys and the configuration, and by `kindsMax`.
public struct TokenCensus: Sendable {
  /// What tokens are told apart by.
  public struct Kind: Hashable, Sendable {
    /// The provider's name.
    public let provider: String
    /// The provider's issuer.
    public let issuer: String
    /// As `VerifiedToken.keyName`: the `kid` of the key, or else its thumbprint; nil for a secret.
    public let key: String?
    /// The `alg` of the signature.
    public let algorithm: SignatureAlgorithm
    /// The first of the provider's audiences that the token is for; nil: the provider accepts any.
    public let audience: String?
    /// Whether the token has a `kid` (RFC 7515 §4.1.4).
    public let namesKey: Bool
    /// Whether the token has a `typ` (RFC 7515 §4.1.9).
    public let saysType: Bool

    /// The kind with these traits.
    public init(
      provider: String, issuer: String, key: String?, algorithm: SignatureAlgorithm, audience: String?,
      namesKey: Bool = true, saysType: Bool = true
    ) {
      self.provider = provider
      self.issuer = issuer
      self.key = key
      self.algorithm = algorithm
      self.audience = audience
      self.namesKey = namesKey
      self.saysType = saysType
    }

    /// The kind of a token that came with a request.
    public init(_ token: VerifiedToken) {
      self.init(
        provider: token.provider, issuer: token.issuer, key: token.keyName, algorithm: token.algorithm,
        audience: token.audience, namesKey: token.namesKey, saysType: token.saysType)
    }

    /// The kind of a token that the code flow brought, whose audience and `typ` differ from those of tokens in
    /// requests, and are not counted.
    public init(ofCodeFlow token: VerifiedToken) {
      self.init(
        provider: token.provider, issuer: token.issuer, key: token.keyName, algorithm: token.algorithm, audience: nil,
        namesKey: token.namesKey)
    }
  }

  /// Where a kind is counted. It is kept together with a token, so that the kind need not be looked up again.
  public struct Handle: Sendable, Equatable {
    fileprivate var slot: UInt32
    fileprivate var serial: UInt32

    /// The handle of no kind.
    public static let none = Handle(slot: .max, serial: 0)
  }

  private struct Slot {
    var kind: Kind
    var counts: TokenCounts
    /// Another one for each kind that stands here.
    var serial: UInt32
  }

  /// From when on the counts are complete: since counting began, or since the last use of a kind that had to leave.
  public private(set) var since: UnixSeconds
  private var slots: [Slot] = []
  private var places: [Kind: Int] = [:]

  /// So many kinds are held; then whichever was not seen for longest leaves for another.
  private let kindsMax: Int

  /// An empty census.
  ///
  /// - Parameters:
  ///   - since: When counting begins.
  ///   - kindsMax: How many kinds are held, at least 1. Then the one that was not seen for longest makes room for
  ///     another.
  public init(since: UnixSeconds, kindsMax: Int = 4096) {
    self.since = since
    self.kindsMax = max(kindsMax, 1)
  }

  /// Counts a verified token that arrived.
  ///
  /// - Parameters:
  ///   - handle: That of the token's kind, where it is known.
  ///   - kind: That of the token. Called only where the handle is no longer good.
  /// - Returns: The handle of its kind.
  public mutating func count(_ arrival: TokenArrival, known handle: Handle, _ kind: () -> Kind) -> Handle {
    let known = Int(handle.slot)
    if known < slots.count, slots[known].serial == handle.serial {
      slots[known].counts.count(arrival)
      return handle
    }
    let place = place(of: kind())
    slots[place].counts.count(arrival)
    return Handle(slot: UInt32(truncatingIfNeeded: place), serial: slots[place].serial)
  }

  private mutating func place(of kind: Kind) -> Int {
    if let place = places[kind] { return place }
    guard slots.count >= kindsMax, let oldest = slots.indices.min(by: { slots[$0].counts.last < slots[$1].counts.last })
    else {
      slots.append(Slot(kind: kind, counts: TokenCounts(), serial: 0))
      places[kind] = slots.count - 1
      return slots.count - 1
    }
    since = max(since, slots[oldest].counts.last)
    places[slots[oldest].kind] = nil
    places[kind] = oldest
    slots[oldest] = Slot(kind: kind, counts: TokenCounts(), serial: slots[oldest].serial &+ 1)
    return oldest
  }

  /// Adds what another loop has counted. Holds all of it, even beyond `kindsMax`.
  public mutating func add(_ other: TokenCensus) {
    since = max(since, other.since)
    for slot in other.slots {
      if let place = places[slot.kind] {
        slots[place].counts.add(slot.counts)
      } else {
        places[slot.kind] = slots.count
        slots.append(Slot(kind: slot.kind, counts: slot.counts, serial: 0))
      }
    }
  }

  /// What was counted, of each kind.
  public var kinds: [(kind: Kind, counts: TokenCounts)] { slots.map { ($0.kind, $0.counts) } }
}
