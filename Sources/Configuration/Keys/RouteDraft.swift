import Access
import HTTP
import Tokens

/// `routes[]` as written.
struct RouteDraft: Sendable {
  enum Anonymous: Sendable { case refuse, allow }
  /// What becomes of a kind of path that is refused by default.
  enum PathChoice: Sendable { case refuse, keep }

  var name: Located<String>?
  var host: Written<HostPattern>?
  var path: Located<Written<PathPattern>>?
  var methods: [String]?
  var authentication: AuthenticationDraft?
  var anonymous = Anonymous.refuse
  var requirement: Decoded<RequirementDraft>?
  var tried: Decoded<TryDraft>?
  var identity: IdentityDraft?
  var assertion: Decoded<AssertionDraft>?
  var upstream: Located<String>?
  var redirect: RedirectDraft?
  var stripPrefix: Located<String>?
  var rewrite: Located<String>?
  var headers: Decoded<HeadersDraft>?
  var cors: Decoded<CORSDraft>?
  var rateLimit: Decoded<RateLimitDraft>?
  var token = TokenForwarding.remove
  var clients: Decoded<ClientAddressesDraft>?
  var upgrades = ["websocket"]
  var onExpiry = TunnelExpiry.close
  var limits = Decoded(RouteLimits())
  var timeouts = Decoded(RouteTimeouts())
  var encodedSlashes = PathChoice.refuse
  var doubleSlashes = PathChoice.refuse
  var pathParameters = PathChoice.refuse

  static let keys = KeyTable<RouteDraft>(
    """
    One rule: which requests it is for, who may send them, and where they go. The first that matches wins; a request \
    that matches none is answered 404.
    """,
    defaults: RouteDraft(),
    keys: [
      Key(
        "name", ifWritten: \.name, ValueKind.name("a route's name").located,
        "Its name in the access log; if omitted, its methods, host and path."),
      Key(
        "host", ifWritten: \.host, .hostPattern,
        "`api.example.com`, or `\"*.example.com\"` for names below; if omitted, any."),
      Key(
        "path", ifWritten: \.path, ValueKind.pathPattern.located, presence: .required,
        "`/orders/{id}/**`: `*` and `{name}` are one segment, `**` at the end is everything below."),
      Key(
        "methods", ifWritten: \.methods, .list(of: .method, "methods"),
        "If omitted, all. HEAD is allowed where GET is. A method with lower-case letters (`delete`) matches no route."),
      Key(
        "auth", ifWritten: \.authentication, .authentication, presence: .requiredByResolver,
        "Whose tokens are accepted: a provider, a list of them, or `none` for everyone."),
      Key(
        "anonymous", \.anonymous, .choice([("refuse", .refuse), ("allow", .allow)]),
        "`allow` lets a request without a token pass, unless there is `require`; a bad token is refused all the same."),
      Key(
        "require", ifWritten: \.requirement, .requirement,
        "What a token must contain."),
      Key(
        "try", ifWritten: \.tried, .mapping(TryDraft.keys),
        """
        What `require` may demand in future: the log and the metrics say what it would refuse. [Trying a \
        rule](access.md#trying-a-rule).
        """),
      Key(
        "identity", ifWritten: \.identity, .identity,
        """
        Headers that tell the upstream who the sender is: `X-Tenant: tenant`, added to the defaults; with `defaults: \
        false` those are left out.
        """),
      Key(
        "assertion", ifWritten: \.assertion, .mapping(AssertionDraft.keys),
        "A signed token from the gateway that tells the upstream who the sender is."),
      Key(
        "upstream", ifWritten: \.upstream, ValueKind.text("an upstream's name").located, presence: .requiredByResolver,
        "Where the requests go; or there is `redirect`."),
      Key(
        "redirect", ifWritten: \.redirect, .redirect,
        "Where the client is sent instead: `https://new.example.com{path}`, with 308 or another `status`."),
      Key(
        "strip_prefix", ifWritten: \.stripPrefix, ValueKind.text("a path").located,
        "The prefix of `path` that is removed before the request is forwarded: `/orders`."),
      Key(
        "rewrite", ifWritten: \.rewrite, ValueKind.text("a path").located,
        """
        The path that is forwarded: `/v2/{id}/**`, where `{id}` and `**` stand for what they match in `path`. Without \
        `**` everything below is dropped.
        """),
      Key(
        "headers", ifWritten: \.headers, ValueKind.mapping(HeadersDraft.keys).notEmpty,
        "Changes to the headers that the upstream gets."),
      Key(
        "token", \.token, .choice(TokenForwarding.allCases.map { ($0.rawValue, $0) }),
        "Whether the upstream sees the token that was accepted."),
      Key(
        "upgrade", \.upgrades, .upgrades,
        "Protocols that an allowed request may upgrade to (RFC 9110 §7.8); or `none`."),
      Key(
        "on_expiry", \.onExpiry, .choice(TunnelExpiry.allCases.map { ($0.rawValue, $0) }),
        "Whether a tunnel, such as a WebSocket, ends when its token does."),
      Key(
        "clients", ifWritten: \.clients, ValueKind.mapping(ClientAddressesDraft.keys).notEmpty,
        "Whose requests it accepts, by the client's address."),
      Key("cors", ifWritten: \.cors, .mapping(CORSDraft.keys), "Pages from other origins that may use the route."),
      Key(
        "rate_limit", ifWritten: \.rateLimit, .mapping(RateLimitDraft.keys), "How many requests one sender may send."),
      Key("limits", \.limits, .mapping(RouteLimits.keys), "Limits of this route."),
      Key("timeouts", \.timeouts, .mapping(RouteTimeouts.keys), "Timeouts of this route."),
      Key(
        "encoded_slashes", \.encodedSlashes, .pathChoice,
        "`%2F` and `%5C` in a path; if kept, they do not separate segments."),
      Key("double_slashes", \.doubleSlashes, .pathChoice, "`//` in a path."),
      Key("path_parameters", \.pathParameters, .pathChoice, "`;` in a path."),
    ],
    misplaced: Dictionary(uniqueKeysWithValues: RequirementDraft.keys.keys.map { ($0.name, "require") }))
}

/// `routes[].limits`.
struct RouteLimits: Sendable {
  /// nil: left out; a nil inside: `none`.
  var bodyBytesMax: UInt64??
  /// As `bodyBytesMax`.
  var minimumRate: Int??

  static let minimumRateDocumentation = """
    Bytes per second that a client must send of a body, and read of a response, counted over the time spent waiting \
    for it. Once it was slower for `timeouts.grace`: 408 (`body_too_slow`), or the response is cut off \
    (`client_too_slow`). [Slow clients](clients.md#slow-clients).
    """

  static let keys = KeyTable<RouteLimits>(
    "Limits of one route.", defaults: RouteLimits(),
    keys: [
      Key("body", ifWritten: \.bodyBytesMax, .sizeOrNone, "Bytes of a request body; if omitted, `limits.body`."),
      Key(
        "minimum_rate", ifWritten: \.minimumRate, .sizeOrNone(1...1 << 20),
        "How fast a client must be; if omitted, `limits.minimum_rate`."),
    ])
}

/// `routes[].timeouts`.
struct RouteTimeouts: Sendable {
  var response: Duration?

  static let keys = KeyTable<RouteTimeouts>(
    "Timeouts of one route.", defaults: RouteTimeouts(),
    keys: [
      Key(
        "response", ifWritten: \.response, .responseTimeout,
        "From the request to the first byte of the response, and between two pieces of it; if omitted, the upstream's.")
    ])
}
