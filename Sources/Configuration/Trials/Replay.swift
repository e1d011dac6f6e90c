import Access
public import HTTP
public import Reason
public import Tokens

/// Decides requests that were logged as this configuration would: by the functions that decide requests, from what the
/// log says of them, and not at all where that is too little.
///
/// Tokens are taken to be verified or refused by a provider as they were: providers of the same name are the same.
public struct Replay: Sendable {
  public let trials: RequestTrials
  /// By route: what its rule reads of the tokens of each provider.
  private let claimPaths: [[Int: [ClaimPath]]]
  private let providers: [String: Int]
  private let answersPreflights: Bool

  public init(_ configuration: GatewayConfiguration) {
    trials = RequestTrials(configuration)
    claimPaths = configuration.routes.map { route in
      var paths: [Int: [ClaimPath]] = [:]
      for provider in route.providers {
        paths[provider] = route.rule.requirement.claimPaths(configuration.providers[provider].policy.claims)
      }
      return paths
    }
    var names: [String: Int] = [:]
    for (index, provider) in configuration.providers.enumerated() { names[provider.name] = index }
    providers = names
    answersPreflights = configuration.routes.contains { $0.cors != nil }
  }

  /// A request as the log says it was, beside its target.
  public struct Request: Sendable {
    public var sender: Sender
    public var client: IPAddress?
    /// When it came.
    public var time: UnixSeconds
    /// Whether it went to an upstream.
    public var wasForwarded: Bool

    public init(sender: Sender, client: IPAddress?, time: UnixSeconds, wasForwarded: Bool) {
      self.sender = sender
      self.client = client
      self.time = time
      self.wasForwarded = wasForwarded
    }
  }

  /// What the log says of who sent a request.
  public enum Sender: Sendable {
    /// Nobody was asked for a token.
    case unasked
    /// Somebody without a token, who was asked for one.
    case anonymous
    /// Somebody whose token was refused, as one of the provider where that was known.
    case refused(Reason, provider: String?)
    /// Somebody whose token of the provider was verified.
    case known(provider: String, claims: Claims)
  }

  public enum Claims: Sendable {
    case unlogged
    /// They were logged as what is too large to be logged.
    case tooLarge
    case logged(ClaimsSet)
  }

  public enum Verdict: Sendable, Hashable {
    case answeredHere
    case refused(Reason, route: Int?)
    case allowed(route: Int)
  }

  /// Why the log does not say enough.
  public enum Gap: Sendable, Hashable {
    /// No head could be read, or its path was refused.
    case noRequest
    /// The line's text is cut.
    case cut
    /// The gateway answered itself, on a path of its own or to send the client to https.
    case answeredHere
    /// A browser's question may have been decided by another method than its own.
    case preflight
    /// It was refused for something else than its token's rights.
    case refusedBefore(Reason)
    /// Nobody was asked for a token, and the candidate would ask.
    case unasked
    /// The configuration has no such provider, or its route takes tokens of another one with the same issuer.
    case providerUnknown
    case claimsUnlogged
    case claimsTooLarge
    /// A rule reads a claim that was not logged.
    case claimUnlogged
  }

  public enum Outcome: Sendable, Hashable {
    case decided(Verdict)
    case undecided(Gap)
  }

  /// The claims that the log says of a token of the provider with this name; nil where they are no claims, or there is no
  /// such provider.
  public func claims(_ text: Span<UInt8>, provider: String) -> ClaimsSet? {
    providers[provider].flatMap { ClaimsSet(logged: text, trials.configuration.providers[$0].policy) }
  }

  /// What this configuration makes of it.
  public func decide(_ request: Request, _ routed: RequestTrials.Routed) -> Outcome {
    if routed.isAnsweredHere { return .decided(.answeredHere) }
    if answersPreflights, !request.wasForwarded, routed.request.method == "OPTIONS" { return .undecided(.preflight) }
    guard let index = routed.route, routed.refusal == nil else {
      return .decided(.refused(routed.refusal ?? .noRoute, route: routed.route))
    }
    let route = trials.configuration.routes[index]
    if let clients = route.clients, !clients.admit(request.client) {
      return .decided(.refused(.clientRefused, route: index))
    }
    let claims: ClaimsSet?
    switch sender(of: request, on: index, route) {
    case .claims(let known): claims = known
    case .outcome(let outcome): return outcome
    case .open: return rewritten(routed, index, route)
    }
    do throws(Refusal) {
      try route.rule.check(claims, RequestFacts(path: routed.path, now: request.time))
    } catch {
      return .decided(.refused(error.reason, route: index))
    }
    return rewritten(routed, index, route)
  }

  private enum Known {
    /// Those that the rule is asked about; nil: nobody's.
    case claims(ClaimsSet?)
    case outcome(Outcome)
    /// Whoever it is.
    case open
  }

  private func sender(of request: Request, on index: Int, _ route: RouteConfiguration) -> Known {
    if case .none = route.rule.authentication { return .open }
    switch request.sender {
    case .unasked: return .outcome(.undecided(.unasked))
    case .anonymous: return .claims(nil)
    case .refused(let reason, let provider):
      guard let provider, let known = providers[provider], route.providers.contains(known) else {
        return .outcome(.undecided(.refusedBefore(reason)))
      }
      return .outcome(.decided(.refused(reason, route: index)))
    case .known(let name, let claims):
      guard let provider = providers[name] else { return .outcome(.undecided(.providerUnknown)) }
      guard let paths = claimPaths[index][provider] else {
        let issuer = trials.configuration.providers[provider].policy.issuer
        let isShared = route.providers.contains { trials.configuration.providers[$0].policy.issuer == issuer }
        return .outcome(isShared ? .undecided(.providerUnknown) : .decided(.refused(.issuerUnknown, route: index)))
      }
      if paths.isEmpty, route.rule.requirement.isEmpty { return .open }
      switch claims {
      case .unlogged: return .outcome(.undecided(.claimsUnlogged))
      case .tooLarge: return .outcome(.undecided(.claimsTooLarge))
      case .logged(let set):
        for path in paths where !set.says(path) { return .outcome(.undecided(.claimUnlogged)) }
        return .claims(set)
      }
    }
  }

  private func rewritten(_ routed: RequestTrials.Routed, _ index: Int, _ route: RouteConfiguration) -> Outcome {
    guard let rewrite = route.rewrite else { return .decided(.allowed(route: index)) }
    var path: [UInt8] = []
    do throws(PathError) {
      try rewrite.write(routed.path.span, keeping: route.pathTraitsKept, to: &path)
    } catch {
      return .decided(.refused(error.reason, route: index))
    }
    return .decided(.allowed(route: index))
  }
}
