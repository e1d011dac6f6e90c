/// `upstreams.<name>` as written.
struct UpstreamDraft: Sendable {
  enum Builtin: Sendable { case echo, fixed }
  enum Balance: Sendable { case roundRobin }

  var servers: [ServerAddress]?
  var builtin: Builtin?
  var fixed: Decoded<StaticAnswerDraft>?
  var balance = Balance.roundRobin
  var timeouts = Decoded(UpstreamTimeouts())
  var retries = 1

  static let keys = KeyTable<UpstreamDraft>(
    "Where requests go: `servers`, or a `builtin`.", defaults: UpstreamDraft(),
    unsupported: NotSupportedYet.upstreamKeys,
    keys: [
      Key(
        "servers", ifWritten: \.servers, .list(of: .server, "servers"),
        "IP addresses with ports, `localhost:port` or `unix:path`, spoken to in HTTP/1.1 without TLS."),
      Key(
        "builtin", ifWritten: \.builtin, .choice([("echo", .echo), ("static", .fixed)]),
        """
        `echo` answers with what it received, as JSON: for trying things out. `static` always answers the same: for a \
        notice, a `robots.txt`, a page while something else is down.
        """),
      Key("static", ifWritten: \.fixed, .mapping(StaticAnswerDraft.keys), "What `builtin: static` answers."),
      Key(
        "balance", \.balance, .choice([("round_robin", .roundRobin)], unsupported: NotSupportedYet.balances),
        "How a server is chosen."),
      Key("timeouts", \.timeouts, .mapping(UpstreamTimeouts.keys), "How long the gateway waits for servers."),
      Key("retries", \.retries, .count(0...10), "Further attempts after a failure that is safe to retry."),
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
      Key("connect", \.connect, .duration(.milliseconds(1) ... .seconds(300)), "To connect."),
      Key(
        "response", \.response, .responseTimeout,
        "From the request to the first byte of the answer, and between two pieces of it."),
      Key("idle", \.idle, .duration(.milliseconds(100) ... .seconds(86_400)), "How long an unused connection is kept."),
    ])
}

extension ValueKind where Value == Duration {
  static var responseTimeout: ValueKind { .duration(.milliseconds(1) ... .seconds(86_400)) }
}

extension ValueKind where Value == ServerAddress {
  static var server: ValueKind {
    ValueKind(noun: "a server", reference: "address") { node, decoding in
      if case .scalar(let scalar) = node.content, scalar.text.contains("://") {
        let cure = "write host:port, for HTTP without TLS"
        let message = scalar.text.hasPrefix("https://") ? "https servers are not supported in this version" : "no URL"
        decoding.report(node.position, "\"\(scalar.written)\": \(message); \(cure)")
        return nil
      }
      guard let address = node.socketLocation(&decoding) else { return nil }
      switch address {
      case .internet(_, 0):
        decoding.report(node.position, "\(node.noun): a server has a port, 1 to 65535")
        return nil
      case .unix(let path): return .unix(path)
      case .internet(.ipv4(let literal), let port): return .ipv4(literal, port: port)
      case .internet(.ipv6(let literal), let port): return .ipv6(literal, port: port)
      case .internet(.name, _):
        decoding.report(
          node.position, "\(node.noun): names of servers are not supported in this version; write an IP address")
        return nil
      }
    }
  }
}
