/// `upstreams.<name>` as written.
struct UpstreamDraft: Sendable {
  enum Builtin: Sendable { case echo, fixed }

  var servers: [Located<ServerConfiguration>]?
  var builtin: Builtin?
  var fixed: Decoded<StaticResponseDraft>?
  var resolveEvery = Duration.seconds(30)
  var balance = UpstreamConfiguration.Balance.roundRobin
  var health: Decoded<HealthDraft>?
  var timeouts = Decoded(UpstreamTimeouts())
  var retries = 1
  var connectionsMax: Int?
  var queueMax = 0
  var tls: Decoded<UpstreamTLSDraft>?

  static let keys = KeyTable<UpstreamDraft>(
    "Where requests go: `servers`, or a `builtin`.", defaults: UpstreamDraft(),
    keys: [
      Key(
        "servers", ifWritten: \.servers, .list(of: ValueKind.server.located, "servers"),
        """
        `host:port` or `unix:path`, for HTTP/1.1 without TLS; `https://host` or `https://host:port` for TLS, with the \
        certificate verified. A host is an IP address or a name; each address of a name, IPv4 or IPv6, is a server. \
        `localhost` is 127.0.0.1.
        """),
      Key(
        "builtin", ifWritten: \.builtin, .choice([("echo", .echo), ("static", .fixed)]),
        """
        `echo` answers with what it received, as JSON: for trying things out. `static` always answers the same: for a \
        notice, a `robots.txt`, a page while a server is down.
        """),
      Key("static", ifWritten: \.fixed, .mapping(StaticResponseDraft.keys), "What `builtin: static` answers."),
      Key(
        "resolve_every", \.resolveEvery, .duration(.seconds(1) ... .seconds(86_400)),
        "How often names of servers are resolved; also at once when a connection to a server fails."),
      Key(
        "balance", \.balance,
        .choice([("round_robin", .roundRobin), ("least_requests", .leastRequests), ("random_two", .randomTwo)]),
        """
        How a server is chosen: in turn; the one with the fewest requests in flight; or the one with fewer of two \
        chosen at random. Weights count in all three.
        """),
      Key(
        "health", ifWritten: \.health, .mapping(HealthDraft.keys),
        "Health checks of each server. If omitted, only the outcome of requests counts."),
      Key(
        "tls", ifWritten: \.tls, .mapping(UpstreamTLSDraft.keys),
        "How the certificates of https servers are verified, and what is presented to them."),
      Key("timeouts", \.timeouts, .mapping(UpstreamTimeouts.keys), "How long the gateway waits for servers."),
      Key("retries", \.retries, .count(0...10), "Further attempts after a failure that is safe to retry."),
      Key(
        "max_connections", \.connectionsMax, .countOrNone(1...1_000_000),
        "Requests in flight at a time, each on its own connection, across all servers and workers."),
      Key(
        "queue", \.queueMax, .count(0...10_000),
        """
        Requests that wait, 5 s at most, while `max_connections` are in flight; more are answered 503 at once. Each \
        takes 32 KiB.
        """),
    ])
}

/// `upstreams.<name>.timeouts`.
struct UpstreamTimeouts: Sendable {
  var connect = Duration.seconds(5)
  var response = Duration.seconds(60)
  var idle = Duration.seconds(60)

  static let keys = KeyTable<UpstreamTimeouts>(
    "How long the gateway waits for servers.", defaults: UpstreamTimeouts(),
    keys: [
      Key("connect", \.connect, .duration(.milliseconds(1) ... .seconds(300)), "To connect, TLS included."),
      Key(
        "response", \.response, .responseTimeout,
        "From the request to the first byte of the response, and between two pieces of it."),
      Key("idle", \.idle, .duration(.milliseconds(100) ... .seconds(86_400)), "How long an unused connection is kept."),
    ])
}

extension ValueKind where Value == Duration {
  static var responseTimeout: ValueKind { .duration(.milliseconds(1) ... .seconds(86_400)) }
}
