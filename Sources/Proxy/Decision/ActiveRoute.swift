import Access
import Configuration
import HTTP

/// A route compiled for the loops. Immutable; a class, so that a request refers to it without copying it.
final class ActiveRoute: Sendable {
  /// Whether a request has to carry a token.
  enum TokenUse { case none, optional, required }

  let configuration: RouteConfiguration
  /// Its number in `MetricNames`.
  let metricNumber: Int
  /// The pattern of its path, as recorded in traces.
  let tracedPath: String
  let tokenUse: TokenUse
  /// The number of its identity mapping among the distinct ones, by which rendered identity headers are cached.
  let mapping: Int
  /// nil if its upstream receives identity headers alone.
  let assertion: ActiveAssertion?
  /// Whether a token of one of its providers may be in Authorization.
  let readsAuthorization: Bool
  /// Whether a token of one of its providers may be among the protocols of a WebSocket handshake.
  let readsWebSocketProtocol: Bool
  /// The index of the provider whose clients are identified by their certificates; nil if there is none.
  let certificateProvider: Int?
  /// The challenges of its refusals, in the schemes of its providers.
  let challenges: Challenges
  /// The names of the cookies that its upstream does not see: the gateway's own, and those that may hold its providers'
  /// tokens, except the one that was accepted if the token is forwarded.
  let removedCookies: OwnCookies
  /// Where users whom it does not know sign in.
  let signIns: SignInChoice
  /// Protocols that a request may be upgraded to.
  let upgrades: [[UInt8]]
  /// The client's fields that the route removes or sets itself; nil if none.
  let removedFields: FieldNameSet?
  let cors: ActiveCORS?
  /// The rate limit per client, checked before authentication; nil if there is none.
  let clientLimit: ActiveRateLimit?
  /// The rate limit per subject, checked once the subject is known; nil if there is none.
  let subjectLimit: ActiveRateLimit?
  /// The state of enforcing its `try` for a share of senders; nil if it is enforced for nobody, or there is none.
  let ramp: EnforcementRamp?
  /// The minimum transfer rate of its clients; nil if there is none.
  let minimumRate: MinimumRate?
  /// The names of the headers that carry the identity.
  let identityNames: IdentityNames
  /// The mark of requests that it has forwarded.
  let loopMark: LoopMark
  /// The field lines that it sets, each with its CRLF, the loop mark included.
  let setFields: [UInt8]

  /// - Parameters:
  ///   - number: Its index in the configuration.
  ///   - places: Those of every provider.
  ///   - certificateProviders: The indices of the providers whose clients show certificates.
  ///   - before: The route of the same name that it replaces; nil if there is none.
  init(
    _ configuration: RouteConfiguration, number: Int, metricNumber: Int, mapping: Int, assertion: ActiveAssertion?,
    places: [CredentialPlaces], certificateProviders: [Int], signIns: SignInChoice, ownCookies: OwnCookies,
    timeouts: TimeoutsConfiguration, before: ActiveRoute?
  ) {
    self.configuration = configuration
    self.metricNumber = metricNumber
    tracedPath = configuration.pattern.path.description
    self.signIns = signIns
    self.mapping = mapping
    self.assertion = assertion
    tokenUse =
      switch configuration.rule.authentication {
      case .none: .none
      case .optional: .optional
      case .required: .required
      }
    readsAuthorization = configuration.providers.contains { places[$0].authorization }
    readsWebSocketProtocol = configuration.providers.contains { places[$0].webSocketProtocol }
    certificateProvider = configuration.providers.first { certificateProviders.contains($0) }
    var schemes: AuthenticationSchemes = []
    for provider in configuration.providers { schemes.formUnion(places[provider].schemes) }
    challenges = Challenges(schemes, metadata: configuration.resourceMetadata)
    removedCookies = OwnCookies(
      names: configuration.providers.flatMap { places[$0].cookies } + ownCookies.names, prefixes: ownCookies.prefixes)
    cors = configuration.cors.map(ActiveCORS.init)
    let limit = configuration.rateLimit.map { ActiveRateLimit($0, route: configuration.name) }
    clientLimit = limit?.limit.by == .client ? limit : nil
    subjectLimit = limit?.limit.by == .subject ? limit : nil
    let rampBefore = before?.configuration.decides(as: configuration) == true ? before?.ramp : nil
    ramp = configuration.enforcementBudget.map { rampBefore ?? EnforcementRamp($0) }
    minimumRate = configuration.minimumRate.map { MinimumRate(bytesPerSecond: $0, timeouts) }
    upgrades = configuration.upgrades.map { [UInt8]($0.utf8) }
    let headers = configuration.headers
    let removed =
      headers.removed + headers.set.map(\.name) + (configuration.keepsDestination ? [] : ReservedFields.secondPath)
    removedFields = removed.isEmpty ? nil : FieldNameSet(removed)
    identityNames = IdentityNames(
      configuration.identity.headerNames + (assertion.map { [$0.header] } ?? []))
    loopMark = LoopMark(route: number)
    setFields = [UInt8](headers.set.map { "\($0.name): \($0.value)\r\n" }.joined().utf8) + loopMark.fieldLine
  }

  /// Whether it reads a credential, required or not.
  var asksWho: Bool { if case .none = tokenUse { false } else { true } }

  /// Whether its upstream must not see the token among the protocols of a WebSocket handshake: because tokens are
  /// removed, or because it is not the one that was accepted.
  func hidesWebSocketProtocol(besides credential: Credential) -> Bool {
    guard readsWebSocketProtocol else { return false }
    if configuration.token == .remove { return true }
    return if case .webSocketProtocol = credential { false } else { true }
  }

  /// The index of the provider of that name; nil if the route does not take its tokens.
  func provider(named name: String, in active: ActiveConfiguration) -> Int? {
    configuration.providers.first { active.providerNames[$0] == name }
  }
}

extension RouteConfiguration {
  /// Whether it is for the same requests as `other`, with the same rule and the same budget.
  fileprivate func decides(as other: RouteConfiguration) -> Bool {
    pattern == other.pattern && rule == other.rule && enforcementBudget == other.enforcementBudget
  }
}
