import Access
public import HTTP
public import Reason
public import Tokens

/// Decides requests that were logged as this configuration would: by the functions that decide requests, from what the
/// log says of them, and not at all where that is too little.
///
/// Tokens are taken to be verified or refused by a provider as they were: providers of the same name are the same.
public final class Replay: Sendable {
  /// Routes requests by the configuration that is tried, with tried rules required where `enforcing` says so.
  public let evaluator: RequestEvaluator
  private let routes: [ReplayedRoute]
  private let providers: [String: Int]
  private let answersPreflights: Bool
  /// Whether the decisions depend on clients' addresses.
  public let readsClients: Bool
  /// Whether the decisions depend on who the sender is, besides the claims: where something is enforced for a share of
  /// the senders.
  public let readsSubjects: Bool
  /// Whether proxies ask about requests that they forward themselves (`forward_auth`).
  public var isAskedByProxies: Bool { evaluator.configuration.forwardAuth != nil }

  /// Prepares to decide by a configuration.
  ///
  /// - Parameter enforcing: Whether what routes try counts as required.
  public init(_ configuration: GatewayConfiguration, enforcing: Bool = false) {
    var configuration = configuration
    if enforcing {
      for index in configuration.routes.indices {
        configuration.routes[index].rule = configuration.routes[index].rule.withTriedRequired
        configuration.routes[index].enforcementBudget = nil
      }
    }
    evaluator = RequestEvaluator(configuration)
    routes = configuration.routes.map { ReplayedRoute($0, configuration.providers) }
    var names: [String: Int] = [:]
    for (index, provider) in configuration.providers.enumerated() { names[provider.name] = index }
    providers = names
    readsSubjects = configuration.routes.contains { $0.enforcementBudget != nil }
    readsClients = configuration.routes.contains { $0.clients != nil || $0.enforcementBudget != nil }
    answersPreflights = configuration.routes.contains { $0.cors != nil }
  }

  /// What the log says of a request, besides its target.
  public struct Request: Sendable {
    /// Who sent it, as far as the log says.
    public var sender: Sender
    /// The client's address; nil: the log says none.
    public var client: IPAddress?
    /// When its first byte arrived.
    public var time: UnixSeconds
    /// Whether it went to an upstream.
    public var wasForwarded: Bool
    /// Whether the log has only the beginning of its sender's subject.
    public var isSubjectCut: Bool

    /// A request as it was logged.
    public init(
      sender: Sender, client: IPAddress?, time: UnixSeconds, wasForwarded: Bool, isSubjectCut: Bool = false
    ) {
      self.sender = sender
      self.client = client
      self.time = time
      self.wasForwarded = wasForwarded
      self.isSubjectCut = isSubjectCut
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

  /// What the log says of the claims of a verified token.
  public enum Claims: Sendable {
    /// The line has no claims.
    case unlogged
    /// The line says only that they were too large to be logged.
    case tooLarge
    /// The claims that were logged, which may not be all.
    case logged(ClaimsSet)
  }

  /// What the configuration would do with a request.
  public enum Verdict: Sendable, Hashable {
    /// The gateway would answer it itself, on a path of its own.
    case answeredHere
    /// It would be refused; `route` is the index of the route that matched, nil where none did.
    case refused(Reason, route: Int?)
    /// It would be allowed by the route with the index `route`.
    ///
    /// - Parameter unenforced: The reason for which what the route tries would refuse it, were it enforced for its
    ///   sender.
    case allowed(route: Int, unenforced: Reason? = nil)
  }

  /// Why the log does not say enough to decide.
  public enum Gap: Sendable, Hashable {
    /// No head could be read, or its path was refused.
    case noRequest
    /// The line's text is cut: a part of the request, or a subject that would say whether something is enforced for it.
    case cut
    /// The gateway answered itself, on a path of its own or to send the client to https; or a proxy may have asked about a
    /// path that this configuration answers itself.
    case answeredHere
    /// A browser's question may have been decided by another method than its own.
    case preflight
    /// It was refused for something else than its token's rights.
    case refusedBefore(Reason)
    /// It had no token where one was looked for, and the candidate looks elsewhere too.
    case credentialElsewhere
    /// Nobody was asked for a token, and the candidate would ask.
    case unasked
    /// The configuration has no such provider, or its route takes tokens of another one with the same issuer.
    case providerUnknown
    /// A rule reads claims, and the line has none.
    case claimsUnlogged
    /// A rule reads claims, and the line says that they were too large to be logged.
    case claimsTooLarge
    /// A rule reads a claim that was not logged.
    case claimUnlogged
  }

  /// Either what the configuration would do, or why that cannot be told.
  public enum Outcome: Sendable, Hashable {
    case decided(Verdict)
    case undecided(Gap)
  }

  /// The claims that the log says of a token of the provider with this name; nil where they are no claims, or there is no
  /// such provider.
  ///
  /// - Parameter subject: As the log says it beside them; of no account where no rule `readsSubjects`.
  public func claims(_ text: Span<UInt8>, subject: String?, provider: String) -> ClaimsSet? {
    providers[provider].flatMap {
      ClaimsSet(logged: text, subject: subject, evaluator.configuration.providers[$0].policy)
    }
  }

  /// What this configuration makes of it.
  public func decide(_ request: Request, _ routed: RequestEvaluator.Routed) -> Outcome {
    if routed.isAnsweredHere { return .decided(.answeredHere) }
    if answersPreflights, !request.wasForwarded, routed.request.method == "OPTIONS" { return .undecided(.preflight) }
    guard let index = routed.route, routed.refusal == nil else {
      return .decided(.refused(routed.refusal ?? .noRoute, route: routed.route))
    }
    let route = routes[index]
    if let clients = route.configuration.clients, !clients.admit(request.client) {
      return .decided(.refused(.clientRefused, route: index))
    }
    let claims: ClaimsSet?
    switch sender(of: request, on: index, route) {
    case .claims(let known): claims = known
    case .outcome(let outcome): return outcome
    case .open: return rewritten(routed, index, route)
    }
    var facts = RequestFacts(path: routed.path, now: request.time)
    facts.client = request.client
    do throws(Refusal) {
      if request.isSubjectCut, case .share? = route.configuration.rule.tried?.enforcement {
        // By the rest of its name the sender may be among those for whom it is enforced.
        var rule = route.configuration.rule
        rule.tried?.enforcement = .nobody
        if try rule.check(claims, facts) != nil { return .undecided(.cut) }
      }
      let unenforced = try route.configuration.rule.check(claims, facts)?.reason
      // Of claims that were not logged nobody knows what the tried rule would make.
      let isKnown = claims.map { known in
        providers[known.provider].flatMap { route.shadowPaths[$0] }?.allSatisfy { known.says($0) } ?? true
      }
      return rewritten(routed, index, route, isKnown == false ? nil : unenforced)
    } catch {
      return .decided(.refused(error.reason, route: index))
    }
  }

  private enum Known {
    /// Those that the rule is asked about; nil: nobody's.
    case claims(ClaimsSet?)
    case outcome(Outcome)
    /// Whoever it is.
    case open
  }

  private func sender(of request: Request, on index: Int, _ route: ReplayedRoute) -> Known {
    if case .none = route.configuration.rule.authentication { return .open }
    switch request.sender {
    case .unasked: return .outcome(.undecided(.unasked))
    case .anonymous:
      return route.readsAuthorizationAlone ? .claims(nil) : .outcome(.undecided(.credentialElsewhere))
    case .refused(let reason, let provider):
      guard let provider, let known = providers[provider], route.configuration.providers.contains(known) else {
        return .outcome(.undecided(.refusedBefore(reason)))
      }
      return .outcome(.decided(.refused(reason, route: index)))
    case .known(let name, let claims):
      guard let provider = providers[name] else { return .outcome(.undecided(.providerUnknown)) }
      guard let paths = route.claimPaths[provider] else {
        let issuer = evaluator.configuration.providers[provider].policy.issuer
        let isShared = route.configuration.providers.contains {
          evaluator.configuration.providers[$0].policy.issuer == issuer
        }
        // Another provider's token is refused where it is found, and not looked for in other places.
        let isFound = route.configuration.providers.contains { other in
          !evaluator.configuration.providers[provider].sharedPlaces(with: evaluator.configuration.providers[other])
            .isEmpty
        }
        return .outcome(
          isShared || !isFound ? .undecided(.providerUnknown) : .decided(.refused(.issuerUnknown, route: index)))
      }
      let rule = route.configuration.rule
      let isOpen = paths.isEmpty && (route.shadowsOnly ? rule.requirement : rule.requirementWithTried).isEmpty
      switch claims {
      case .logged(let set) where isOpen && rule.tried != nil: return .claims(set)
      case _ where isOpen: return .open
      case .unlogged: return .outcome(.undecided(.claimsUnlogged))
      case .tooLarge: return .outcome(.undecided(.claimsTooLarge))
      case .logged(let set):
        for path in paths where !set.says(path) { return .outcome(.undecided(.claimUnlogged)) }
        return .claims(set)
      }
    }
  }

  private func rewritten(
    _ routed: RequestEvaluator.Routed, _ index: Int, _ route: ReplayedRoute, _ unenforced: Reason? = nil
  ) -> Outcome {
    let allowed = Outcome.decided(.allowed(route: index, unenforced: unenforced))
    guard let rewrite = route.configuration.rewrite else { return allowed }
    var path: [UInt8] = []
    do throws(PathError) {
      try rewrite.write(routed.path.span, keeping: route.configuration.pathTraitsKept, to: &path)
    } catch {
      return .decided(.refused(error.reason, route: index))
    }
    return allowed
  }
}

/// A route and what its rule reads. A class, so that nothing of it is copied to be looked at.
private final class ReplayedRoute: Sendable {
  let configuration: RouteConfiguration
  /// Whether tokens are looked for in Authorization, and nobody is known by anything else.
  let readsAuthorizationAlone: Bool
  /// Those that its verdict depends on, by provider; nil: it does not take its tokens.
  let claimPaths: [[ClaimPath]?]
  /// Whether what it tries makes no difference to the verdict.
  let shadowsOnly: Bool
  /// Those that what it tries reads too, where that makes no difference to the verdict.
  let shadowPaths: [Int: [ClaimPath]]

  init(_ configuration: RouteConfiguration, _ providers: [ProviderConfiguration]) {
    self.configuration = configuration
    readsAuthorizationAlone = configuration.providers.allSatisfy { providers[$0].placesLookedAt == [.authorization] }
    let rule = configuration.rule
    let shadowsOnly = rule.tried?.enforcement == .nobody
    self.shadowsOnly = shadowsOnly
    let verdict = shadowsOnly ? rule.requirement : rule.requirementWithTried
    claimPaths = providers.indices.map { provider in
      guard configuration.providers.contains(provider) else { return nil }
      return verdict.claimPaths(providers[provider].policy.claims)
    }
    var shadowPaths: [Int: [ClaimPath]] = [:]
    if shadowsOnly {
      for provider in configuration.providers {
        shadowPaths[provider] = rule.requirementWithTried.claimPaths(providers[provider].policy.claims)
      }
    }
    self.shadowPaths = shadowPaths
  }
}

extension ProviderConfiguration {
  /// Where its tokens are looked for; empty: its clients are known by something else.
  fileprivate var placesLookedAt: [CredentialSource] { certificateRule == nil ? credentialSources : [] }

  fileprivate func sharedPlaces(with other: ProviderConfiguration) -> [CredentialSource] {
    placesLookedAt.filter(other.placesLookedAt.contains)
  }
}
