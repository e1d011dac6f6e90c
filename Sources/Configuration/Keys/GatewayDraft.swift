import Access

/// The whole file as written: every value is well-formed, but names do not lead anywhere yet.
struct GatewayDraft: Sendable {
  enum Workers: Sendable, Equatable {
    case auto
    case count(Int)
  }

  var listeners: [Decoded<ListenerDraft>]?
  var admin: Decoded<AdminDraft>?
  var otlp: Decoded<OTLPDraft>?
  var workers = Workers.auto
  var reload = Decoded(ReloadConfiguration())
  var log = Decoded(LogConfiguration())
  var limits = Decoded(LimitsConfiguration())
  var timeouts = Decoded(TimeoutsConfiguration())
  var trustedProxies: [TrustedPeer] = []
  var forwardAuth: Decoded<ForwardAuthDraft>?
  var revocations: Decoded<RevocationsDraft>?
  var caseInsensitivePaths: [HostPattern] = []
  var providers: [Named<ProviderDraft>] = []
  var upstreams: [Named<UpstreamDraft>] = []
  var routes: [Decoded<RouteDraft>]?
  var tests: [Decoded<PolicyTestDraft>]?
  var protectedResources: [Decoded<ProtectedResourceDraft>]?

  static let keys = KeyTable<GatewayDraft>(
    "The file.", defaults: GatewayDraft(),
    keys: [
      Key(
        "listeners", ifWritten: \.listeners, .list(of: .mapping(ListenerDraft.keys), "listeners"), presence: .required,
        "Where connections are accepted."),
      Key("admin", ifWritten: \.admin, .mapping(AdminDraft.keys), "The listener for operators."),
      Key("otlp", ifWritten: \.otlp, .mapping(OTLPDraft.keys), "Where traces and metrics are sent."),
      Key(
        "workers", \.workers, .workers,
        "Event loops that carry traffic; `auto` is one per processor that the process may use."),
      Key("reload", \.reload, .mapping(ReloadConfiguration.keys), "How a changed file is loaded."),
      Key("log", \.log, .mapping(LogConfiguration.keys), "What is logged, and where."),
      Key("limits", \.limits, .mapping(LimitsConfiguration.keys), "Limits on what a client may send."),
      Key("timeouts", \.timeouts, .mapping(TimeoutsConfiguration.keys), "How long the gateway waits."),
      Key(
        "trusted_proxies", \.trustedProxies, .list(of: .trustedPeer, "address blocks"),
        "Proxies in front whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` are trusted; if omitted, nobody's."),
      Key(
        "forward_auth", ifWritten: \.forwardAuth, .mapping(ForwardAuthDraft.keys),
        "Proxies that ask whether a request may pass, and forward it themselves."),
      Key(
        "revocations", ifWritten: \.revocations, .mapping(RevocationsDraft.keys),
        "Tokens to refuse although they verify."),
      Key(
        "case_insensitive_paths", \.caseInsensitivePaths, .hostsOrAll,
        """
        Hosts, or `all`, for which `routes` and the gateway's own documents ignore the case of ASCII letters in a \
        path: for servers that treat `/Admin` and `/admin` as the same. The client's path is forwarded unchanged.
        """),
      Key("providers", \.providers, .named(ProviderDraft.keys, "provider"), "Whose tokens are accepted."),
      Key("upstreams", \.upstreams, .named(UpstreamDraft.keys, "upstream"), "Where requests go."),
      Key(
        "routes", ifWritten: \.routes, .list(of: .mapping(RouteDraft.keys), "routes"), presence: .required,
        "Which requests go where."),
      Key(
        "protected_resources", ifWritten: \.protectedResources,
        .list(of: .mapping(ProtectedResourceDraft.keys), "resources"),
        "What is protected here, for clients that look up where to get a token for it (RFC 9728)."),
      Key(
        "tests", ifWritten: \.tests, .list(of: .mapping(PolicyTestDraft.keys), "tests"),
        "What the routes must decide: the gateway starts, or loads a changed file, only if they do."),
    ])
}

extension ValueKind where Value == [HostPattern] {
  fileprivate static var hostsOrAll: ValueKind {
    let hosts = ValueKind<[Written<HostPattern>]>.list(of: .hostPattern, "hosts").keepingApart("all")
    return ValueKind(noun: "a list of hosts or all", reference: "list of hosts, or `all`") { node, decoding in
      if case .scalar(let scalar) = node.content, scalar.text == "all" { return [.any] }
      return hosts.decode(node, &decoding)?.map(\.pattern)
    }
  }
}

extension ValueKind where Value == GatewayDraft.Workers {
  static var workers: ValueKind {
    let count = ValueKind<Int>.count(1...64)
    return ValueKind(
      noun: "auto or a number", reference: "`auto`, or \(count.reference)",
      text: { workers in
        switch workers {
        case .auto: "auto"
        case .count(let number): String(number)
        }
      },
      decode: { node, decoding in
        guard let scalar = node.scalar(expected: "auto or a number", &decoding) else { return nil }
        if scalar.text == "auto" { return .auto }
        if WholeNumber.parse(scalar.text) == nil {
          decoding.report(node.position, "\(node.noun) is neither auto nor a whole number")
          return nil
        }
        return count.decode(node, &decoding).map { .count($0) }
      })
  }
}
