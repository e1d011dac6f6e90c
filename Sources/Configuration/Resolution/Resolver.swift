/// Turns a draft into the configuration: follows names, and checks what needs more than one key.
///
/// Every check reports and goes on; a value that was reported is left out, as is what names it. Checks stay silent
/// about keys that were reported already.
struct Resolver {
  let draft: GatewayDraft
  /// Where the keys of the file itself stand.
  let places: KeyPlaces
  let processorCount: Int
  var decoding: Decoding
  /// The file that is read, as it was named.
  let file: String
  /// Whom the gateway's files belong to, where that is known to be another user than this process's.
  var gatewayOwner: FileSystem.Status.Owner?
  /// Of what does nothing beside other keys, and harms nobody.
  var idle: [Diagnostic] = []

  mutating func configuration() -> GatewayConfiguration {
    let limits = resolveLimits()
    let listeners = resolveListeners()
    let providers = draft.providers.compactMap { resolveProvider($0) }
    checkSignIns(providers)
    let upstreams = draft.upstreams.compactMap { resolveUpstream($0) }
    let resources = resolveProtectedResources()
    let routes = resolveRoutes(limits, resources)
    var configuration = GatewayConfiguration(
      file: file,
      listeners: listeners,
      admin: resolveAdmin(beside: listeners),
      otlp: resolveOTLP(),
      workers: workerCount,
      reload: resolveReload(),
      log: resolveLog(),
      limits: limits,
      timeouts: draft.timeouts.value,
      trustedProxies: Resolver.proxies(draft.trustedProxies),
      forwardAuth: resolveForwardAuth(providers),
      revocations: draft.revocations?.value.file.map {
        RevocationsConfiguration(file: $0.value, position: $0.position)
      },
      caseInsensitivePaths: draft.caseInsensitivePaths,
      providers: providers,
      upstreams: upstreams,
      routes: routes,
      tests: resolveTests(routes),
      protectedResources: resources)
    configuration.warnings = warnings(providers) + idle
    return configuration
  }

  mutating func report(_ position: Position, _ message: String) {
    decoding.report(position, message)
  }

  /// Warns of what is tried already, where it stands: it may be left there when it becomes what is required.
  mutating func reportIdle(_ position: Position, _ message: String) {
    idle.append(Diagnostic(file: file, position: position, message: "\(message): nothing is tried"))
  }

  /// nil after a report: a provider that was faulty as a whole is left out of the draft too, and reported twice.
  mutating func providerIndex(_ name: Located<String>) -> Int? {
    index(name, among: draft.providers.map(\.name), "provider")
  }

  /// nil after a report.
  mutating func index(_ name: Located<String>, among names: [String], _ noun: String) -> Int? {
    if let index = names.firstIndex(of: name.value) { return index }
    report(name.position, "no \(noun) is called \(name.written)\(hint(name.value, names))")
    return nil
  }

  private mutating func resolveReload() -> ReloadConfiguration {
    let reload = draft.reload
    if reload.value.canary != nil, places.isMissing("admin") {
      report(
        reload.places.value("canary"), "nothing is counted without `admin`; write admin: { address: 127.0.0.1:9901 }")
    }
    return reload.value
  }

  private var workerCount: Int {
    switch draft.workers {
    case .auto: min(64, max(1, processorCount))
    case .count(let number): number
    }
  }

  private mutating func resolveForwardAuth(_ providers: [ProviderConfiguration]) -> ForwardAuthConfiguration? {
    guard let asked = draft.forwardAuth, let path = asked.value.path, let peers = asked.value.peers else { return nil }
    let isOfSignIn = providers.compactMap { $0.signInPages?.path }
      .contains { path.value == $0 || path.value.hasPrefix($0 + "/") }
    if isOfSignIn || path.value.hasPrefix("/.well-known/") {
      report(path.position, "the gateway has another answer for this path; write /.portcullis/verify")
    }
    return ForwardAuthConfiguration(
      path: path.value, peers: Resolver.proxies(peers), position: asked.places.value("peers"))
  }

  private static func proxies(_ peers: [TrustedPeer]) -> TrustedProxies {
    var proxies = TrustedProxies()
    for peer in peers {
      switch peer {
      case .block(let block): proxies.blocks.append(block)
      case .unix: proxies.unixPeers = true
      }
    }
    return proxies
  }

  /// A target and a token are parts of a head: they cannot be larger than it (RFC 9112 §3, RFC 6750 §2.1).
  private mutating func resolveLimits() -> LimitsConfiguration {
    var limits = draft.limits.value
    let places = draft.limits.places
    for (name, path) in [("target", \LimitsConfiguration.targetBytesMax), ("token", \.tokenBytesMax)]
    where limits[keyPath: path] > limits.headBytesMax {
      if places.isWritten(name), places.areSound(name, "head") {
        let head = SizeText.write(limits.headBytesMax)
        report(places.value(name), "\"\(name)\" is larger than \"head\", which is \(head)")
      }
      limits[keyPath: path] = limits.headBytesMax
    }
    return limits
  }
}
