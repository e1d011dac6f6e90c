public import Access
public import Configuration
public import HTTP
import Sockets
public import Telemetry
import Tokens

/// A configuration compiled for the loops. Immutable: an exchange keeps the one that it began with.
public final class ActiveConfiguration: Sendable {
  public let configuration: GatewayConfiguration
  /// Counts up with every reload; the access log says it.
  public let generation: UInt64
  let routing: Routing
  let routes: [ActiveRoute]
  let verifiers: [TokenVerifier]
  /// By provider: how it fares that what it tries on its tokens is enforced for a share; nil: it is for nobody, or nothing
  /// is tried.
  let tokenRamps: [EnforcementRamp?]
  /// As the access log says them.
  let providerNames: [String]
  let providerMetricNumbers: [Int]
  let upstreamNames: [String]
  /// `MetricNames`' numbers of the upstreams.
  let upstreamMetricNumbers: [Int]
  /// Per provider, what of its tokens' claims the access log says; empty: it says none.
  let loggedClaims: [ClaimSelection]
  /// Per provider.
  let credentialPlaces: [CredentialPlaces]
  /// Per provider; nil: nobody signs in here for its tokens.
  private let signIns: [ActiveSignIn?]
  /// Fields that a client cannot send past the gateway (SECURITY I-1, P-16).
  let removedFields: FieldNameSet
  /// Whether a route has `cors`.
  let answersPreflights: Bool
  /// In the order of the configuration.
  let listeners: [ActiveListener]
  let headLimits: HeadLimits
  /// Requests that one connection carries.
  let requestsPerConnectionMax: Int
  /// nil: no traces are exported.
  let traceSampling: TraceSampling?
  /// For requests that have no route.
  let minimumRate: MinimumRate?
  public let responders: [LocalRoute]
  /// nil: no proxy may ask.
  let forwardAuth: ActiveForwardAuth?
  /// The names of the gateway's own cookies, which no upstream sees or sets (SECURITY I-6, C-1).
  let ownCookies: OwnCookies

  /// - Parameters:
  ///   - metricNames: nil: nothing is counted.
  ///   - replaced: The one in force before, whose routes' shares go on; nil: there was none.
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
    signIns = configuration.providers.map { provider in
      provider.signIn.map { ActiveSignIn($0, provider: provider.name) }
        ?? provider.codeFlow.map { ActiveSignIn($0, provider: provider.name) }
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

  /// Appends what the access log says of claims; nil: of one who was asked for a token, and may do without.
  func append(_ claims: ClaimsSet?, to text: inout [UInt8]) {
    guard let claims else {
      text += "{}".utf8
      return
    }
    guard let provider = providerNames.firstIndex(of: claims.provider) else { return }
    claims.append(loggedClaims[provider], to: &text)
    // Cut, they would be no JSON; and a part of them would look like all.
    guard text.count > AccessRecord.claimsBytesMax else { return }
    text.removeAll(keepingCapacity: true)
    text += "\"…\"".utf8
  }

  /// Whom certificates name, by the provider's name.
  var certificateRules: [String: CertificateRule] {
    var rules: [String: CertificateRule] = [:]
    for provider in configuration.providers { rules[provider.name] = provider.certificateRule }
    return rules
  }

  /// The routes that try something, or whose tokens are tried.
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

  /// The providers that enforce for a share what they try on their tokens.
  public var triedProviders: [TriedProvider] {
    zip(configuration.providers, tokenRamps).compactMap { provider, ramp in
      ramp.map {
        TriedProvider(
          name: provider.name, percentage: provider.policy.tried?.enforcedPercentage ?? 0, isStopped: $0.isStopped)
      }
    }
  }

  /// How it fares here that the provider of that name enforces what `provider` does; nil: it does not.
  private func tokenRamp(of provider: ProviderConfiguration) -> EnforcementRamp? {
    guard let index = configuration.providers.firstIndex(where: { $0.name == provider.name }) else { return nil }
    let known = configuration.providers[index]
    return known.policy == provider.policy && known.enforcementBudget == provider.enforcementBudget
      ? tokenRamps[index] : nil
  }

  /// Whether anybody's word about the client is believed.
  let trustsProxies: Bool

  /// Whether a provider believes proofs.
  var speaksDPoP: Bool { credentialPlaces.contains { $0.dpop != .off } }

  /// The first route that takes requests with this method.
  ///
  /// - Parameters:
  ///   - method: Where it stands in `bytes`.
  ///   - path: As it is matched, folded where the host wants that.
  func route(host: Span<UInt8>, _ bytes: Span<UInt8>, method: ByteRange, path: Span<UInt8>) -> ActiveRoute? {
    let name = bytes.extracting(method.lowerBound..<method.upperBound)
    return routing.route(host: host, method: name, path: path).map { routes[$0] }
  }

  /// Where people sign in whom the route does not know, on the host of the request; nil: nowhere.
  func signIn(of route: ActiveRoute, _ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> ActiveSignIn? {
    route.signIns.provider(for: bytes.extracting(head.host.lowerBound..<head.host.upperBound)).flatMap { signIns[$0] }
  }

}

/// What answers at a path of the gateway's own.
public struct LocalRoute: Sendable {
  public let path: OwnPath
  public let responder: any Responder & Sendable

  public init(_ path: OwnPath, responder: any Responder & Sendable) {
    self.path = path
    self.responder = responder
  }
}
