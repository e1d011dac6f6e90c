public import Telemetry
public import Tokens

/// What a provider's tokens may be like: its keys, and what its configuration lets them be.
public struct AcceptedTokens: Sendable {
  public struct Key: Sendable {
    /// As `VerifiedToken.keyName`.
    public let name: String?
    /// When the key was first seen.
    public let firstSeenAt: UnixSeconds

    public init(name: String?, firstSeenAt: UnixSeconds) {
      self.name = name
      self.firstSeenAt = firstSeenAt
    }
  }

  public var keys: [Key] = []
  /// Empty: what the keys are for.
  public var algorithms: [SignatureAlgorithm] = []
  /// Empty: any.
  public var audiences: [String] = []
  public var places: [TokenPlace] = []

  public init() {}
}

/// How much one thing that a provider's tokens may have is used: a key, an algorithm, an audience, a place in the request.
struct TokenUse {
  enum Aspect: String {
    case key, algorithm, audience, place
    /// What a token's header lacks.
    case without
  }

  let aspect: Aspect
  /// nil: the secret, which has no name.
  let value: String?
  let use: TokenCounts.Use
  /// How many requests came with a token of the provider.
  let total: UInt64
  var remark: Remark?

  enum Remark: Equatable {
    /// A key that came after those that sign.
    case notYet
    case unused(since: UnixSeconds)
    /// Nothing that was seen needs it.
    case canGo(unusedSince: UnixSeconds)
  }

  /// Who comes less often than that may be missed.
  static let quietSeconds: Int64 = 86_400
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
    let table = UseTable(kinds: kinds, since: since, now: now)
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
  ///   - since: From when on they are counted.
  static func remark(
    on use: TokenCounts.Use, among others: [TokenCounts.Use], since: UnixSeconds, now: UnixSeconds
  ) -> Remark? {
    // Where nothing else is used either, it is quiet, and says nothing.
    let isReplaced = others.contains { $0.count > 0 && (use.count == 0 || $0.last > use.last) }
    let unusedSince = use.count == 0 ? since : use.last
    let isQuiet = now - unusedSince >= quietSeconds
    if use.count > 0 {
      let isDead = now >= use.lastExpiry + leewaySeconds
      return isReplaced && isQuiet && isDead ? .canGo(unusedSince: unusedSince) : nil
    }
    return isReplaced && isQuiet ? .canGo(unusedSince: unusedSince) : .unused(since: unusedSince)
  }
}

/// Sums of what was counted of one provider's tokens.
private struct UseTable {
  let kinds: [(kind: TokenCensus.Kind, counts: TokenCounts)]
  let since: UnixSeconds
  let now: UnixSeconds
  private let total: UInt64

  init(kinds: [(kind: TokenCensus.Kind, counts: TokenCounts)], since: UnixSeconds, now: UnixSeconds) {
    self.kinds = kinds
    self.since = since
    self.now = now
    total = kinds.reduce(0) { $0 &+ $1.counts.use.count }
  }

  func keys(_ keys: [AcceptedTokens.Key]) -> [TokenUse] {
    let uses = keys.map { key in sum { $0.key == key.name } }
    let newestUsed = zip(keys, uses).filter { $1.count > 0 }.map(\.0.firstSeenAt).max()
    return zip(keys, uses).map { key, use in
      var row = row(.key, key.name, use, among: uses)
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
    return zip(values, uses).map { row(aspect, $0, $1, among: uses) }
  }

  func places(_ places: [TokenPlace]) -> [TokenUse] {
    guard places.count > 1 else { return [] }
    let uses = places.map { place in
      kinds.reduce(into: TokenCounts.Use()) { $0.add($1.counts.use(in: place)) }
    }
    return zip(places, uses).map { row(.place, $0.name, $1, among: uses) }
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
    _ aspect: TokenUse.Aspect, _ value: String?, _ use: TokenCounts.Use, among uses: [TokenCounts.Use]
  ) -> TokenUse {
    TokenUse(
      aspect: aspect, value: value, use: use, total: total,
      remark: TokenUse.remark(on: use, among: uses, since: since, now: now))
  }
}
