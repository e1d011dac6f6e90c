public import Telemetry
public import Tokens

/// What a provider's tokens may be like: its keys, and what its configuration lets them be.
public struct AcceptedTokens: Sendable {
  /// One of the provider's keys.
  public struct Key: Sendable {
    /// As `VerifiedToken.keyName`: the `kid`, or else the thumbprint; nil for a secret.
    public let name: String?
    /// When the key was first in the key set.
    public let firstSeenAt: UnixSeconds

    /// A key that the set has now.
    public init(name: String?, firstSeenAt: UnixSeconds) {
      self.name = name
      self.firstSeenAt = firstSeenAt
    }
  }

  /// The keys that are in use now.
  public var keys: [Key] = []
  /// The accepted algorithms; empty: those that fit the keys.
  public var algorithms: [SignatureAlgorithm] = []
  /// The accepted audiences; empty: any.
  public var audiences: [String] = []
  /// Where in a request its tokens are looked for.
  public var places: [TokenPlace] = []
  /// Whether browsers sign in there (`code_flow`), so that its keys also verify ID tokens and logout tokens.
  public var hasCodeFlow = false
  /// From when on all of it was accepted, and those that came later; the time does not matter where it was before
  /// counting began.
  private(set) var since: UnixSeconds = 0
  private var added: [Choice: UnixSeconds] = [:]

  private struct Choice: Hashable {
    let aspect: TokenUse.Aspect
    let value: String
  }

  /// Nothing is known of the provider.
  public init() {}

  /// Notes that this is accepted from `now` on, so that what is unused can be told from what is new.
  ///
  /// - Parameter before: What was accepted of the same provider until now; nil: nothing.
  public mutating func replace(_ before: AcceptedTokens?, at now: UnixSeconds) {
    guard let before else {
      since = now
      return
    }
    since = before.since
    let known = Set(before.choices)
    for choice in choices { added[choice] = known.contains(choice) ? before.added[choice] : now }
  }

  private var choices: [Choice] {
    algorithms.map { Choice(aspect: .algorithm, value: $0.rawValue) }
      + audiences.map { Choice(aspect: .audience, value: $0) }
      + places.map { Choice(aspect: .place, value: $0.name) }
  }

  func since(_ aspect: TokenUse.Aspect, _ value: String) -> UnixSeconds {
    max(since, added[Choice(aspect: aspect, value: value)] ?? since)
  }
}

/// How much one thing that a provider's tokens may have is used: a key, an algorithm, an audience, a place in the request.
struct TokenUse {
  enum Aspect: String {
    case key, algorithm, audience, place
    /// What a token's header lacks.
    case without

    /// Whether what signing in at the provider brings has one too.
    fileprivate var isOfCodeFlowToo: Bool { self == .key || self == .algorithm }
  }

  let aspect: Aspect
  /// nil: the secret, which has no name.
  let value: String?
  let use: TokenCounts.Use
  /// How many tokens of the provider came.
  let total: UInt64
  /// When the key was first seen; nil: it is none.
  var firstSeenAt: UnixSeconds?
  var remark: Remark?

  enum Remark: Equatable {
    /// A key that came after those that sign.
    case notYet
    case unused(since: UnixSeconds)
    /// Nothing that was seen needs it.
    case canGo(unusedSince: UnixSeconds)
  }

  /// Who comes less often than that may be missed: with requests, and to sign in.
  private static let quietSeconds: Int64 = 86_400
  private static let quietWithCodeFlowSeconds: Int64 = 604_800
  /// The most that clocks may differ by is taken off before a token is called dead.
  private static let leewaySeconds = TokenPolicy.leewayMaxSeconds

  /// All that there is to say of one provider's tokens: keys first.
  ///
  /// - Parameters:
  ///   - kinds: The provider's alone.
  ///   - since: From when on they are counted.
  static func all(
    of accepted: AcceptedTokens, _ kinds: [(kind: TokenCensus.Kind, counts: TokenCounts)], since: UnixSeconds,
    now: UnixSeconds
  ) -> [TokenUse] {
    let table = UseTable(accepted: accepted, kinds: kinds, since: since, now: now)
    let algorithms = accepted.algorithms.map(\.rawValue)
    let seen = Set(kinds.map(\.kind.algorithm.rawValue)).subtracting(algorithms).sorted()
    return table.keys(accepted.keys)
      + table.choices(.algorithm, algorithms + seen) { $0.algorithm.rawValue }
      + table.choices(.audience, accepted.audiences) { $0.audience }
      + table.places(accepted.places)
      + table.lacking("kid") { !$0.namesKey } + table.lacking("typ") { !$0.saysType }
  }

  /// Says what is not used any more, or never was.
  ///
  /// - Parameters:
  ///   - others: Of the same aspect.
  ///   - since: From when on it is accepted, and counted.
  ///   - hasCodeFlow: Whether signing in may be all that uses it.
  static func remark(
    on use: TokenCounts.Use, among others: [TokenCounts.Use], since: UnixSeconds, hasCodeFlow: Bool, now: UnixSeconds
  ) -> Remark? {
    let unusedSince = use.count == 0 ? since : max(use.last, since)
    // Where nothing else is used either, it is quiet, and says nothing.
    let isReplaced = others.contains { $0.count > 0 && $0.last > unusedSince }
    let isQuiet = now - unusedSince >= (hasCodeFlow ? quietWithCodeFlowSeconds : quietSeconds)
    if use.count > 0 {
      let isDead = now >= use.lastExpiry + leewaySeconds
      return isReplaced && isQuiet && isDead ? .canGo(unusedSince: unusedSince) : nil
    }
    return isReplaced && isQuiet ? .canGo(unusedSince: unusedSince) : .unused(since: unusedSince)
  }
}

/// Sums of what was counted of one provider's tokens.
private struct UseTable {
  let accepted: AcceptedTokens
  let kinds: [(kind: TokenCensus.Kind, counts: TokenCounts)]
  let since: UnixSeconds
  let now: UnixSeconds
  private let total: UInt64

  init(
    accepted: AcceptedTokens, kinds: [(kind: TokenCensus.Kind, counts: TokenCounts)], since: UnixSeconds,
    now: UnixSeconds
  ) {
    self.accepted = accepted
    self.kinds = kinds
    self.since = since
    self.now = now
    total = kinds.reduce(0) { $0 &+ $1.counts.use.count }
  }

  func keys(_ keys: [AcceptedTokens.Key]) -> [TokenUse] {
    let uses = keys.map { key in sum { $0.key == key.name } }
    let newestUsed = zip(keys, uses).filter { $1.count > 0 }.map(\.0.firstSeenAt).max()
    return zip(keys, uses).map { key, use in
      // One that was made ahead has its time before it.
      let since = min(max(accepted.since, key.firstSeenAt), now)
      var row = row(.key, key.name, use, since: since, among: uses)
      row.firstSeenAt = key.firstSeenAt
      if use.count == 0, let newestUsed, key.firstSeenAt > newestUsed { row.remark = .notYet }
      return row
    }
  }

  /// - Parameter values: In the order of the configuration. One alone is no choice.
  func choices(
    _ aspect: TokenUse.Aspect, _ values: [String], _ value: (TokenCensus.Kind) -> String?
  ) -> [TokenUse] {
    guard values.count > 1 else { return [] }
    let uses = values.map { text in sum { value($0) == text } }
    return zip(values, uses).map { row(aspect, $0, $1, since: accepted.since(aspect, $0), among: uses) }
  }

  func places(_ places: [TokenPlace]) -> [TokenUse] {
    guard places.count > 1 else { return [] }
    let uses = places.map { place in
      kinds.reduce(into: TokenCounts.Use()) { $0.add($1.counts.use(in: place)) }
    }
    return zip(places, uses).map { place, use in
      row(.place, place.name, use, since: accepted.since(.place, place.name), among: uses)
    }
  }

  /// Where there are some.
  func lacking(_ name: String, _ isLacking: (TokenCensus.Kind) -> Bool) -> [TokenUse] {
    let use = sum(isLacking)
    return use.count == 0 ? [] : [TokenUse(aspect: .without, value: name, use: use, total: total)]
  }

  private func sum(_ isMeant: (TokenCensus.Kind) -> Bool) -> TokenCounts.Use {
    kinds.reduce(into: TokenCounts.Use()) { if isMeant($1.kind) { $0.add($1.counts.use) } }
  }

  private func row(
    _ aspect: TokenUse.Aspect, _ value: String?, _ use: TokenCounts.Use, since acceptedSince: UnixSeconds,
    among uses: [TokenCounts.Use]
  ) -> TokenUse {
    TokenUse(
      aspect: aspect, value: value, use: use, total: total,
      remark: TokenUse.remark(
        on: use, among: uses, since: max(since, acceptedSince),
        hasCodeFlow: accepted.hasCodeFlow && aspect.isOfCodeFlowToo, now: now))
  }
}
