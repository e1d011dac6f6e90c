import Configuration
import Crypto
import HTTP
import JSON
import Reason
import Sockets
import Testing
import Tokens

@testable import Keys
@testable import Proxy

/// Makes tokens, as an issuer does.
enum Issuer {
  static let now: UnixSeconds = 1_800_000_000
  private static let key = Result { try IssuerKey(SigningKey.generate(.ed25519), algorithm: .eddsa) }
  private static let strangersKey = Result { try IssuerKey(SigningKey.generate(.ed25519), algorithm: .eddsa) }

  static func keySet() throws -> KeySet { KeySet([try key.get()]) }

  /// A token with these members, JSON text, beside those that each needs.
  static func token(
    _ members: String = "", issuer: String = "https://id.example", expiresAt: UnixSeconds = now + 60
  ) throws -> String {
    try mint(members, issuer, expiresAt, try key.get())
  }

  /// Signed by a key that nobody publishes.
  static func strangersToken() throws -> String { try mint("", "https://id.example", now + 60, try strangersKey.get()) }

  private static func mint(
    _ members: String, _ issuer: String, _ expiresAt: UnixSeconds, _ key: IssuerKey
  ) throws -> String {
    let rest = members.isEmpty ? "" : "," + members
    let text = "{\"iss\":\"\(issuer)\",\"aud\":\"orders\",\"exp\":\(expiresAt)\(rest)}"
    let claims = try #require(try JSON.parse(Array(text.utf8).span).object)
    return String(decoding: try TokenMinter.mint(claims, with: key), as: UTF8.self)
  }

  static func verified(_ token: String) throws -> VerifiedToken {
    let policy = TokenPolicy(provider: "company", issuer: "https://id.example", audiences: .any, leewaySeconds: 10)
    return try TokenVerifier(policy).verify(
      Array(token.utf8).span, keys: try keySet(), now: now, using: SignatureVerifier())
  }
}

/// What is decided of a request.
enum Decision: Equatable {
  case forwarded(Forwarded)
  case refused(Reason)
  case waiting(provider: Int)
  case introspecting(String, provider: Int)
  case renewing(String)
  case answered(Response)
  case asked

  /// Of the gateway's own.
  struct Response: Equatable {
    let status: Int
    let fields: [String]

    init(_ response: LocalResponse) {
      status = response.status
      fields = response.fields.map { "\($0.name): \($0.value)" }
    }
  }

  struct Forwarded: Equatable {
    let text: String
    let closesConnection: Bool
    let isReplayable: Bool

    /// The lines between the request line and the empty one.
    var fields: [String] { Array(text.split(separator: "\r\n").dropFirst().map(String.init)) }
    var requestLine: String { String(text.prefix { $0 != "\r\n" }) }

    /// The values of a field, in their order.
    func values(_ name: String) -> [String] {
      fields.filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }
  }

  var reason: Reason? { if case .refused(let reason) = self { reason } else { nil } }
}

/// A gateway without sockets: heads go in, decisions come out.
final class DecidingGateway {
  enum KeyState { case present, absent, coming }

  let context: DecisionContext
  let exchange = Exchange()
  var peer = Peer()
  /// What the TLS handshake has shown; nil: in clear.
  var secured: SecuredConnection?
  /// Of the last refusal.
  private(set) var challenge: String?

  init(
    routes: String = routes, limits: String = "", tokenFrom: String = "authorization, \"cookie:session\"",
    introspection: String = "", top: String = "", keys: KeyState = .present, responders: [LocalRoute] = [],
    dpop: String = "off", providers: String = "", replays: ReplayMemory? = nil,
    countsTokens: Bool = false
  ) throws {
    let text = """
      listeners: [{ address: 127.0.0.1:8080 }]
      limits: { \(limits) }
      \(top)
      providers:
        company:
          issuer: https://id.example
          audiences: [orders]
          jwks_url: https://id.example/jwks
          token_from: [\(tokenFrom)]
          dpop: \(dpop)
          \(introspection)
        other:
          issuer: https://other.example
          audiences: [orders]
          jwks_url: https://other.example/jwks
      \(providers)
      upstreams:
        echo: { builtin: echo }
      routes:
      \(routes)
      """
    let configuration = try GatewayConfiguration.parse(
      Array(text.utf8), file: "gateway.conf", environment: [:], processorCount: 1
    ).get()
    let active = ActiveConfiguration(configuration, generation: 1, responders: responders)
    let keySet = keys == .present ? try Issuer.keySet() : nil
    context = DecisionContext(
      active, keys: KeySnapshot(providers: []), replays: replays ?? ReplayMemory(proofsMax: 1024) { _ in },
      rateLimits: RateLimitMemory(sendersMax: 1024), countsTokens: countsTokens)
    context.wallClockNanoseconds = Issuer.now * 1_000_000_000
    // No unknown key is worth a fetch, unless a test says so.
    let provider = ProviderKeys(
      keySet: keySet, generation: 1, refetchAllowedAt: context.now + .seconds(3600), firstFetchEnded: keys != .coming,
      answers: 0)
    context.keys = KeySnapshot(providers: [provider, provider])
  }

  static let routes = """
      - { name: public, path: /pub/**, auth: none, upstream: echo }
      - { name: plain, host: a.example, path: /R, auth: company, upstream: echo }
      - { name: optional, host: a.example, path: /optional, auth: company, anonymous: allow, upstream: echo }
      - { name: admin, host: a.example, path: /admin/**, auth: company, require: { roles: [admin] }, upstream: echo }
      - { name: scoped, host: a.example, path: /scoped, auth: company, require: { scopes: [a, b] }, upstream: echo }
      - { name: tenant, host: a.example, path: /tenant, auth: company, identity: { X-Tenant: tenant }, upstream: echo }
      - { name: forwarding, host: a.example, path: /forwarding, auth: company, token: forward, upstream: echo }
      - { name: both, host: a.example, path: /both, auth: [company, other], upstream: echo }
      - { name: small, path: /small, auth: none, limits: { body: 5 }, upstream: echo }
      - { name: get, path: /get, methods: [GET], auth: none, upstream: echo }
      - name: kept
        path: /kept/**
        auth: none
        encoded_slashes: keep
        double_slashes: keep
        path_parameters: keep
        upstream: echo
    """

  /// Decides a request of these lines, the first its request line without the version, beside `Host: a.example`.
  func decide(_ lines: String...) throws -> Decision {
    let version = lines[0].contains("HTTP/1.0") ? "" : " HTTP/1.1"
    return try send(
      ([lines[0] + version, "Host: a.example"] + lines.dropFirst()).joined(separator: "\r\n") + "\r\n\r\n")
  }

  /// Decides the head, as it is.
  func send(_ text: String) throws -> Decision {
    let bytes = Array(text.utf8)
    let isWhole = try RequestHeadParser.parse(
      bytes.span, from: 0, limits: context.active.headLimits, scheme: secured == nil ? .http : .https,
      into: &context.head)
    try #require(isWhole)
    exchange.begin(startedAt: context.now, peer: peer, secured: secured, in: context)
    return decideAgain(bytes)
  }

  /// Decides the head that was parsed last from `bytes`; the exchange goes on.
  func decideAgain(_ bytes: [UInt8]) -> Decision {
    switch exchange.decide(bytes.span, in: context) {
    case .forward(let head, upstream: _):
      let text = head.bytes.withReadable { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
      return .forwarded(
        .init(text: text, closesConnection: head.closesConnection, isReplayable: head.isReplayable))
    case .refuse(let refusal):
      challenge = refusal.challenge.map { String(decoding: $0, as: UTF8.self) }
      exchange.refused(refusal)
      return .refused(refusal.reason)
    case .answer(let response): return .answered(.init(response))
    case .ask: return .asked
    case .waitForKeys(let provider): return .waiting(provider: provider)
    case .introspect(.token(let token), let provider):
      return .introspecting(String(decoding: token, as: UTF8.self), provider: provider)
    case .introspect(.session(let id), let provider):
      return .introspecting(String(decoding: id, as: UTF8.self), provider: provider)
    case .renew(let token, provider: _): return .renewing(String(decoding: token, as: UTF8.self))
    }
  }

  /// The head that goes upstream; an issue where none does.
  func forwarded(_ lines: String...) throws -> Decision.Forwarded {
    let decision = try send(
      ([lines[0] + " HTTP/1.1", "Host: a.example"] + lines.dropFirst()).joined(separator: "\r\n") + "\r\n\r\n")
    guard case .forwarded(let head) = decision else {
      throw NotForwarded(decision: decision)
    }
    return head
  }
}

struct NotForwarded: Error {
  let decision: Decision
}
