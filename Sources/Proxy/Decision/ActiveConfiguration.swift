public import Access
public import Configuration
public import HTTP
import Sockets
public import Telemetry
import Tokens

/// A configuration compiled for the loops. Immutable: an exchange keeps the one that it started with.
public final class ActiveConfiguration: Sendable {
  /// What it was compiled from.
  public let configuration: GatewayConfiguration
  /// Incremented by every reload; recorded in the access log.
  public let generation: UInt64
  let routing: Routing
  let routes: [ActiveRoute]
  let verifiers: [TokenVerifier]
  /// Per provider, the state of enforcing its `try` for a share of senders; nil if it is enforced for nobody, or there
  /// is none.
  let tokenRamps: [EnforcementRamp?]
  /// As recorded in the access log.
  let providerNames: [String]
  let providerMetricNumbers: [Int]
  let upstreamNames: [String]
  /// `MetricNames`' numbers of the upstreams.
  let upstreamMetricNumbers: [Int]
  /// Per provider, the claims of its tokens that the access log records; empty if none.
  let loggedClaims: [ClaimSelection]
  /// Per provider, where its tokens may be in a request.
  let credentialPlaces: [CredentialPlaces]
  /// Per provider; nil if users do not sign in here for its tokens.
  private let signIns: [ActiveSignIn?]
  /// Fields that a client cannot send past the gateway (SECURITY I-1, P-16).
  let removedFields: FieldNameSet
  /// Whether a route has `cors`.
  let answersPreflights: Bool
  /// Whether any proxy is trusted to state the client.
  let trustsProxies: Bool
  /// In the order of the configuration.
  let listeners: [ActiveListener]
  let headLimits: HeadLimits
  /// The maximum number of requests on one connection.
  let requestsPerConnectionMax: Int
  /// nil if no traces are exported.
  let traceSampling: TraceSampling?
  /// For requests without a route; nil if there is none.
  let minimumRate: MinimumRate?
  /// The paths that the gateway answers itself.
  public let responders: [LocalRoute]
  /// nil if no proxy may ask.
  let forwardAuth: ActiveForwardAuth?
  /// The names of the gateway's own cookies, which upstreams neither see nor set (SECURITY I-6, C-1).
  let ownCookies: OwnCookies

  /// - Parameters:
  ///   - metricNames: nil if nothing is counted.
  ///   - replaced: The configuration in force before, whose enforcement state is carried over; nil if there was none.
  public init(
    _ configuration: GatewayConfiguration, generation: UInt64, responders: [LocalRoute],
    metricNames: MetricNames? = nil, replacing replaced: ActiveConfiguration? = nil
  ) {
    self.configuration = configuration
    self.generation = generation
    self.responders = responders
    traceSampling = configuration.otlp?.tracesPercentage.map(TraceSampling.init)
    trustsProxies = !configuration.trustedProxies.isEmpty
    routing = Routing(
      configuration.routes.map(\.pattern), ownPaths: responders.map(\.path),
      foldingPathsOf: configuration.caseInsensitivePaths)
    verifiers = configuration.providers.map { TokenVerifier($0.policy) }
    tokenRamps = configuration.providers.map { provider in
      guard let budget = provider.enforcementBudget else { return nil }
      return replaced?.tokenRamp(of: provider) ?? EnforcementRamp(budget)
    }
    providerNames = configuration.providers.map(\.name)
    providerMetricNumbers = configuration.providers.map { metricNames?.number(ofProvider: $0.name) ?? 0 }
    upstreamNames = configuration.upstreams.map(\.name)
    upstreamMetricNumbers = configuration.upstreams.map { metricNames?.number(ofUpstream: $0.name) ?? 0 }
    loggedClaims = configuration.loggedClaims
    let places = configuration.providers.map { CredentialPlaces($0.credentialSources, dpop: $0.dpop) }
    credentialPlaces = places
    let ownCookies = OwnCookies(configuration.providers)
    self.ownCookies = ownCookies
    let targetBytesMax = configuration.limits.targetBytesMax
    signIns = configuration.providers.map { provider in
      provider.signIn.map { ActiveSignIn($0, provider: provider.name, targetBytesMax: targetBytesMax) }
        ?? provider.codeFlow.map { ActiveSignIn($0, provider: provider.name, targetBytesMax: targetBytesMax) }
    }
    var names: [String] = []
    var mappings: [IdentityMapping: Int] = [:]
    var before: [String: ActiveRoute] = [:]
    for route in replaced?.routes ?? [] where route.ramp != nil { before[route.configuration.name] = route }
    routes = configuration.routes.enumerated().map { index, route in
      let mapping = mappings[route.identity] ?? mappings.count
      if mapping == mappings.count {
        mappings[route.identity] = mapping
        names += route.identity.headerNames
      }
      let assertion = route.assertion.map {
        ActiveAssertion($0, of: route, at: index, issuer: configuration.providers[$0.provider].policy.issuer)
      }
      if let assertion { names.append(assertion.header) }
      return ActiveRoute(
        route, number: index, metricNumber: metricNames?.number(ofRoute: route.name) ?? 0, mapping: mapping,
        assertion: assertion, places: places,
        certificateProviders: configuration.providers.indices.filter {
          configuration.providers[$0].certificateRule != nil
        }, signIns: SignInChoice(route, configuration.providers),
        ownCookies: ownCookies, timeouts: configuration.timeouts, before: before[route.name])
    }
    removedFields = FieldNameSet(
      ReservedFields.names + ReservedFields.framing + names, prefixes: ReservedFields.prefixes)
    let identity = names
    forwardAuth = configuration.forwardAuth.map {
      ActiveForwardAuth($0, trustedProxies: configuration.trustedProxies, identity: identity)
    }
    answersPreflights = configuration.routes.contains { $0.cors != nil }
    listeners = configuration.listeners.map { ActiveListener($0) }
    minimumRate = configuration.limits.minimumRate.map { MinimumRate(bytesPerSecond: $0, configuration.timeouts) }
    requestsPerConnectionMax = configuration.limits.requestsPerConnectionMax ?? .max
    headLimits = HeadLimits(
      headBytesMax: configuration.limits.headBytesMax, fieldsMax: configuration.limits.fieldsMax,
      targetBytesMax: configuration.limits.targetBytesMax)
  }

  /// Appends the claims that the access log records; `{}` if `claims` is nil, for a sender without a token.
  func append(_ claims: ClaimsSet?, to text: inout [UInt8]) {
    guard let claims else {
      text += "{}".utf8
      return
    }
    guard let provider = providerNames.firstIndex(of: claims.provider) else { return }
    claims.append(loggedClaims[provider], to: &text)
    // Truncated, they would not be JSON, and a part of them would look complete.
    guard text.count > AccessRecord.claimsBytesMax else { return }
    text.removeAll(keepingCapacity: true)
    text += "\"…\"".utf8
  }

  /// The rules by which certificates identify clients, by the provider's name.
  var certificateRules: [String: CertificateRule] {
    var rules: [String: CertificateRule] = [:]
    for provider in configuration.providers { rules[provider.name] = provider.certificateRule }
    return rules
  }

  /// The routes that have a `try`, or a provider that has one.
  public var triedRoutes: [TriedRoute] {
    routes.compactMap { route in
      let tried = route.configuration.rule.tried
      guard
        tried != nil
          || route.configuration.providers.contains(where: { configuration.providers[$0].policy.tried != nil })
      else { return nil }
      return TriedRoute(
        name: route.configuration.name, enforcement: tried?.enforcement ?? .nobody,
        isStopped: route.ramp?.isStopped ?? false)
    }
  }

  /// The providers whose `try` is enforced for a share of senders.
  public var triedProviders: [TriedProvider] {
    zip(configuration.providers, tokenRamps).compactMap { provider, ramp in
      ramp.map {
        TriedProvider(
          name: provider.name, percentage: provider.policy.tried?.enforcedPercentage ?? 0, isStopped: $0.isStopped)
      }
    }
  }

  /// The enforcement state in this configuration of the provider of the same name; nil if there is none, or it enforces
  /// something else.
  private func tokenRamp(of provider: ProviderConfiguration) -> EnforcementRamp? {
    guard let index = configuration.providers.firstIndex(where: { $0.name == provider.name }) else { return nil }
    let known = configuration.providers[index]
    return known.policy == provider.policy && known.enforcementBudget == provider.enforcementBudget
      ? tokenRamps[index] : nil
  }

  /// Whether any provider accepts DPoP proofs.
  var speaksDPoP: Bool { credentialPlaces.contains { $0.dpop != .off } }

  /// The first route that matches; nil if none does.
  ///
  /// - Parameters:
  ///   - method: Its range in `bytes`.
  ///   - path: In the form in which it is matched, folded if paths of the host are case-insensitive.
  func route(host: Span<UInt8>, _ bytes: Span<UInt8>, method: ByteRange, path: Span<UInt8>) -> ActiveRoute? {
    let name = bytes.extracting(method.lowerBound..<method.upperBound)
    return routing.route(host: host, method: name, path: path).map { routes[$0] }
  }

  /// Where users whom the route does not know sign in, on the host of the request; nil if nowhere.
  func signIn(of route: ActiveRoute, _ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> ActiveSignIn? {
    route.signIns.provider(for: bytes.extracting(head.host.lowerBound..<head.host.upperBound)).flatMap { signIns[$0] }
  }

}

/// A path of the gateway's own, and what answers requests for it.
public struct LocalRoute: Sendable {
  /// The paths and, if it is for one alone, the host.
  public let path: OwnPath
  /// What answers; it is called from any loop.
  public let responder: any Responder & Sendable

  /// - Parameter responder: Called from any loop.
  public init(_ path: OwnPath, responder: any Responder & Sendable) {
    self.path = path
    self.responder = responder
  }
}
