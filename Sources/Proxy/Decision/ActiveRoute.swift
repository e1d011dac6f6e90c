import Access
import Configuration
import HTTP

/// A route compiled for the loops. Immutable; a class, so that a request refers to it without copying it.
final class ActiveRoute: Sendable {
  /// Whether a request has to bring a token.
  enum TokenUse { case none, optional, required }

  let configuration: RouteConfiguration
  /// `MetricNames`' number of it.
  let metricNumber: Int
  /// The pattern of its path, as traces say it.
  let tracedPath: String
  let tokenUse: TokenUse
  /// Which of the different identity mappings it has: rendered identity headers are kept by it.
  let mapping: Int
  /// nil: its upstream is told in identity headers alone.
  let assertion: ActiveAssertion?
  /// Whether a token of one of its providers may stand in Authorization.
  let readsAuthorization: Bool
  /// Whether a token of one of its providers may stand among the protocols of a WebSocket handshake.
  let readsWebSocketProtocol: Bool
  /// Whose clients are known by their certificates; nil: nobody is.
  let certificateProvider: Int?
  /// What its refusals ask for, in the schemes that its providers speak.
  let challenges: Challenges
  /// The names of the cookies that its upstream does not see: those that its providers' tokens may stand in, but for the
  /// one that was accepted where the token is forwarded, and the gateway's own.
  let removedCookies: OwnCookies
  /// Where people sign in whom it does not know.
  let signIns: SignInChoice
  /// Protocols that a request may go on in.
  let upgrades: [[UInt8]]
  /// The client's fields that the route leaves out or writes itself; nil: none.
  let removedFields: FieldNameSet?
  let cors: ActiveCORS?
  /// One for all requests of a client, asked before who they are; nil: none.
  let clientLimit: ActiveRateLimit?
  /// One for all requests of a subject, asked when it is known; nil: none.
  let subjectLimit: ActiveRateLimit?
  /// How it fares that what it tries is enforced for a share of its senders; nil: it is for nobody, or nothing is tried.
  let ramp: EnforcementRamp?
  /// How fast its clients have to be; nil: as they like.
  let minimumRate: MinimumRate?
  /// The names of the headers that say who it is.
  let identityNames: IdentityNames
  /// What a request says that it has forwarded.
  let loopMark: LoopMark
  /// The field lines that it writes, each with its CRLF: the mark's too.
  let setFields: [UInt8]

  /// - Parameters:
  ///   - number: Its place in the configuration.
  ///   - places: Of every provider.
  ///   - certificateProviders: Those whose clients show certificates.
  ///   - before: The one of the same name that it replaces.
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

  /// Whether anybody is asked who they are.
  var asksWho: Bool { if case .none = tokenUse { false } else { true } }

  /// Whether its upstream does not see the token among the protocols of a WebSocket handshake: it is removed, or it is
  /// not the one that was accepted.
  func hidesWebSocketProtocol(besides credential: Credential) -> Bool {
    guard readsWebSocketProtocol else { return false }
    if configuration.token == .remove { return true }
    return if case .webSocketProtocol = credential { false } else { true }
  }

  /// The index of the provider of that name, where the route takes its tokens.
  func provider(named name: String, in active: ActiveConfiguration) -> Int? {
    configuration.providers.first { active.providerNames[$0] == name }
  }
}

extension RouteConfiguration {
  /// Whether it is for the same requests as `other`, and asks for and tries the same.
  fileprivate func decides(as other: RouteConfiguration) -> Bool {
    pattern == other.pattern && rule == other.rule && enforcementBudget == other.enforcementBudget
  }
}
