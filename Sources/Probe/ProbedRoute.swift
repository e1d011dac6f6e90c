import Access
import Configuration
import HTTP

/// A route that requests are sent to, for itself and for others whose requests are forwarded alike.
struct ProbedRoute {
  let route: RouteConfiguration
  let method: String
  let host: String
  let path: String
  /// Names of routes that nothing tells apart from it that decides about fields.
  private(set) var alike: [String] = []
  /// The fields that only the gateway may say, as this route sends them.
  let fieldNames: [String]
  /// Such fields that are removed by the same list as some of the others: only their spelling tells them apart.
  let listedNames: [String]
  /// Of these, what a proxy that asks takes from the response, or what is refused as no response can replace it.
  let askedNames: [String]
  let askedListedNames: [String]
  /// The cookies that its upstream does not see.
  let cookieNames: [String]
  /// Whom its requests are sent by: nobody where that may pass, and somebody of each provider.
  let senders: [Sender]

  /// Who sends a request.
  struct Sender {
    /// nil: nobody.
    let provider: ProviderConfiguration?
    /// Where what they send may stand on the route: requests are sent with it in the first of them.
    let places: [CredentialSource]
    /// Whether they are known by a certificate, and send nothing.
    let showsCertificate: Bool
    var name: String { provider?.name ?? "nobody" }

    static let nobody = Sender(provider: nil, places: [])

    /// nil: the route reads nothing that the provider's clients may send.
    init?(_ provider: ProviderConfiguration, on route: RouteConfiguration) {
      self.provider = provider
      // A token in a handshake passes there alone: tricks that are none would say little.
      let sources = provider.credentialSources
      let others = sources.filter { $0 != .authorization && $0 != .webSocketProtocol }
      places =
        sources.filter { $0 == .authorization } + others
        + (route.takesWebSockets ? sources.filter { $0 == .webSocketProtocol } : [])
      showsCertificate = provider.certificateRule != nil
      if places.isEmpty, !showsCertificate { return nil }
    }

    private init(provider: ProviderConfiguration?, places: [CredentialSource]) {
      (self.provider, self.places, showsCertificate) = (provider, places, false)
    }
  }

  /// What decides about fields.
  private struct Handling: Hashable {
    let identity: IdentityMapping
    let assertion: AssertionConfiguration?
    let headers: HeaderChanges
    let keepsDestination: Bool
    let token: TokenForwarding
    let providers: [Int]
    let upgrades: [String]
    let readsHandshakes: Bool
    let authentication: Authentication
  }

  /// Those that forward.
  ///
  /// - Returns: Beside them the names of those that no request reaches.
  static func all(of configuration: GatewayConfiguration) -> (routes: [ProbedRoute], unreached: [String]) {
    let evaluator = RequestEvaluator(configuration)
    let witnesses = RouteWitnesses(configuration.routes.map(\.pattern))
    var routes: [ProbedRoute] = []
    var unreached: [String] = []
    var places: [Handling: Int] = [:]
    for (index, route) in configuration.routes.enumerated() {
      guard case .upstream = route.destination else { continue }
      let reaching = witnesses.requests(of: route.pattern).first { request in
        let routed = evaluator.route(
          EvaluatedRequest(method: request.method, host: request.host, target: request.path))
        return routed.route == index && routed.refusal == nil && !routed.isAnsweredHere
      }
      guard let reaching else {
        unreached.append(route.name)
        continue
      }
      let handling = Handling(
        identity: route.identity, assertion: route.assertion, headers: route.headers,
        keepsDestination: route.keepsDestination, token: route.token,
        providers: route.providers, upgrades: route.upgrades,
        readsHandshakes: route.takesWebSockets
          && route.providers.contains {
            configuration.providers[$0].credentialSources.contains(.webSocketProtocol)
          },
        authentication: route.rule.authentication)
      if let place = places[handling] {
        routes[place].alike.append(route.name)
        continue
      }
      places[handling] = routes.count
      routes.append(ProbedRoute(route, reaching, configuration))
    }
    return (routes, unreached)
  }

  private init(_ route: RouteConfiguration, _ request: RouteWitness, _ configuration: GatewayConfiguration) {
    self.route = route
    (method, host, path) = (request.method, request.host, request.path)
    // Every route's names are removed on all of them.
    let identity = configuration.routes.flatMap { $0.identity.headerNames + ($0.assertion.map { [$0.header] } ?? []) }
    let misleading = [ReservedFields.path, ReservedFields.method, ReservedFields.sender]
    let changed =
      route.headers.set.map(\.name) + route.headers.removed + (route.keepsDestination ? [] : ReservedFields.secondPath)
    var asked: Set<String> = []
    askedNames = (identity + misleading.compactMap(\.first) + changed).filter { asked.insert($0.lowercased()).inserted }
    askedListedNames = misleading.flatMap { $0 }.filter { asked.insert($0.lowercased()).inserted }
    var seen: Set<String> = []
    fieldNames = (identity + changed + ProbedRoute.gatewaysOwn).filter { seen.insert($0.lowercased()).inserted }
    listedNames = ReservedFields.names.filter { seen.insert($0.lowercased()).inserted }
    let providers = route.providers.map { configuration.providers[$0] }
    senders =
      switch route.rule.authentication {
      case .none: [.nobody]
      case .optional: [.nobody] + providers.compactMap { Sender($0, on: route) }
      case .required: providers.compactMap { Sender($0, on: route) }
      }
    let tokenCookies = providers.flatMap { $0.credentialSources.compactMap(\.cookieName) }
    var cookies = configuration.providers.flatMap { provider in
      (provider.signIn?.cookies.names ?? [])
        + (provider.codeFlow.map { [$0.cookies.session, $0.cookies.flowPrefix + "probe"] } ?? [])
    }
    if route.token == .remove {
      cookies += tokenCookies
    } else {
      cookies.removeAll { tokenCookies.contains($0) }
    }
    var known: Set<String> = []
    cookieNames = cookies.filter { known.insert($0).inserted }
  }

  /// SECURITY I-1 and P-16, one of each kind; the last ones frame a message or carry a credential (I-2).
  private static let gatewaysOwn =
    [
      ReservedFields.path, ReservedFields.method, ReservedFields.sender, ReservedFields.connection, ReservedFields.hop,
    ].compactMap(\.first) + ["X-Forwarded-For", "Content-Length", "Transfer-Encoding", "Proxy-Authorization"]
}

extension RouteConfiguration {
  /// RFC 6455 §4.1: a handshake is a GET.
  fileprivate var takesWebSockets: Bool {
    upgrades.contains("websocket") && (pattern.methods.isEmpty || pattern.methods.contains("GET"))
  }
}

extension CredentialSource {
  fileprivate var cookieName: String? { if case .cookie(let name) = self { name } else { nil } }
}
