import Configuration
import Crypto
import HTTP
import Keys
import Sockets
import Telemetry
public import Tokens

/// Sends made-up secrets the way of refused requests, and looks for them in everything that is written of those: a start
/// that would write secrets into logs comes to nothing (SECURITY L-2).
///
/// It runs before each start and takes a few milliseconds, without sockets and files: the exchange has no I/O.
public enum SecretLeakTest {
  /// Something that was written.
  public struct Text: Sendable {
    /// For whoever has to find what wrote it.
    public let place: String
    public let bytes: [UInt8]

    public init(place: String, _ text: String) { (self.place, bytes) = (place, Array(text.utf8)) }

    init(place: String, _ bytes: [UInt8]) { (self.place, self.bytes) = (place, bytes) }
  }

  /// Where a secret shows; nil: nowhere.
  ///
  /// - Parameter others: What others write of a refused token, which is told by its bytes and by why.
  public static func leak(_ others: ([UInt8], TokenError) -> [Text]) -> String? {
    do {
      return try firstLeak(others)
    } catch {
      // A test that cannot be made proves nothing.
      return "nowhere that is known, as it could not be looked for (\(error))"
    }
  }

  private static func firstLeak(_ others: ([UInt8], TokenError) -> [Text]) throws -> String? {
    let secret = "canary-\(Base64URL.text(try RandomBytes.make(24)))"
    let context = try context(secret)
    let shown = "\(context.active.configuration.effective)"
    if shows(Array(shown.utf8), [Array(secret.utf8)]) { return "the configuration that operators are shown" }
    let now = context.unixSeconds
    for secret in try secrets(now) {
      context.keys = KeySnapshot(providers: [ProviderKeys(keySet: KeySet(secret.keys), generation: 1, signer: nil)])
      for request in requests(secret.token) {
        for text in try texts(of: request, in: context) where shows(text.bytes, secret.pieces) { return text.place }
      }
      do throws(TokenError) {
        let policy = context.active.configuration.providers[0].policy
        _ = try TokenVerifier(policy).verify(
          secret.token.span, keys: KeySet(secret.keys), now: now, using: SignatureVerifier())
      } catch {
        for text in others(secret.token, error) where shows(text.bytes, secret.pieces) { return text.place }
      }
    }
    return nil
  }

  // MARK: What is sent

  private struct Secret {
    let token: [UInt8]
    /// Parts that nothing may show.
    let pieces: [[UInt8]]
    let keys: [IssuerKey]
  }

  /// A secret that is no token, and tokens that are refused for their signature and for their audience.
  private static func secrets(_ now: UnixSeconds) throws -> [Secret] {
    let (own, others) = (
      try IssuerKey(.generate(.ed25519), algorithm: .eddsa), try IssuerKey(.generate(.ed25519), algorithm: .eddsa)
    )
    let word = Array("canary-\(Base64URL.text(try RandomBytes.make(24)))".utf8)
    var secrets = [Secret(token: word, pieces: [word], keys: [own])]
    for key in [own, others] {
      let token = try signed(now, own.keyID, key)
      let parts = token.split(separator: UInt8(ascii: ".")).map { Array($0) }
      secrets.append(Secret(token: token, pieces: Array(parts.suffix(2)), keys: [own]))
    }
    return secrets
  }

  private static func signed(_ now: UnixSeconds, _ keyID: String, _ key: IssuerKey) throws -> [UInt8] {
    let header = "{\"alg\":\"EdDSA\",\"kid\":\"\(keyID)\"}"
    let claims = "{\"iss\":\"https://canary.invalid\",\"aud\":\"elsewhere\",\"exp\":\(now + 600),\"sub\":\"canary\"}"
    let text = "\(Base64URL.text(Array(header.utf8))).\(Base64URL.text(Array(claims.utf8)))"
    let signature = try key.key.sign(Array(text.utf8).span, key.algorithm.scheme)
    return Array("\(text).\(Base64URL.text(signature))".utf8)
  }

  /// Everywhere that a client may put it, by right or by mistake.
  private static func requests(_ token: [UInt8]) -> [[UInt8]] {
    let secret = String(decoding: token, as: UTF8.self)
    let heads = [
      "GET /token HTTP/1.1\r\nHost: canary\r\nAuthorization: Bearer \(secret)\r\n",
      "GET /token HTTP/1.1\r\nHost: canary\r\nAccept: text/html\r\nAuthorization: Bearer  \(secret)\r\n",
      "GET /token HTTP/1.1\r\nHost: canary\r\nAuthorization: DPoP \(secret)\r\nDPoP: \(secret)\r\n",
      "GET /token HTTP/1.1\r\nHost: canary\r\nAuthorization: Basic \(secret)\r\nProxy-Authorization: \(secret)\r\n",
      "GET /token HTTP/1.1\r\nHost: canary\r\nCookie: session=\(secret)\r\n",
      "GET /token HTTP/1.1\r\nHost: canary\r\nCookie: session=\(secret); session=\(secret)\r\n",
      "GET /token?access_token=\(secret) HTTP/1.1\r\nHost: canary\r\nReferer: https://canary/?code=\(secret)\r\n",
      "GET /open?access_token=\(secret) HTTP/1.1\r\nHost: canary\r\nX-Request-Id: a\r\n",
    ]
    return heads.map { Array("\($0)\r\n".utf8) }
  }

  // MARK: What is written

  private static func texts(of request: [UInt8], in context: DecisionContext) throws -> [Text] {
    guard
      try RequestHeadParser.parse(
        request.span, from: 0, limits: context.active.headLimits, scheme: .http, into: &context.head)
    else { return [] }
    let exchange = Exchange()
    exchange.begin(startedAt: context.now, peer: Peer(), in: context)
    var texts: [Text] = []
    if case .refuse(let refusal) = exchange.decide(request.span, in: context) {
      exchange.refused(refusal)
      for format in ProblemBody.Format.allCases {
        let responseWriter = LocalResponseWriter(
          method: exchange.request.method, connection: .closed, version: exchange.request.version,
          requestID: exchange.requestID,
          date: [])
        var writer = HeadWriter(Buffer(capacity: LocalResponseWriter.bytesMax(refusal) + Limits.blockBytes))
        responseWriter.write(refusal, as: format, to: &writer)
        texts.append(
          Text(
            place: "the answer to a refused request",
            writer.finish().withReadable { span in
              span.indices.map { span[$0] }
            }))
      }
    }
    var record = AccessRecord()
    exchange.fill(&record, at: context.now)
    return texts + AccessLogRing.lines(of: record).map { Text(place: "the access log", $0) }
  }

  /// A gateway of its own: what is written of a request is the same whatever the routes are.
  ///
  /// - Parameter secret: What a URL of it holds.
  private static func context(_ secret: String) throws(Diagnostics) -> DecisionContext {
    let text = """
      listeners: [{ address: 127.0.0.1:0 }]
      otlp: { url: https://canary.invalid, traces: 100% }
      providers:
        canary:
          issuer: https://canary.invalid
          audiences: [canary]
          jwks_url: "https://canary.invalid/jwks?key=\(secret)"
          token_from: [authorization, "cookie:session"]
          dpop: allowed
      upstreams: { canary: { builtin: echo } }
      routes:
        - { host: canary, path: /token, auth: canary, upstream: canary }
        - { host: canary, path: /open, auth: none, upstream: canary }
      """
    let configuration = try GatewayConfiguration.parse(
      Array(text.utf8), file: "canary", environment: [:], processorCount: 1
    ).get()
    let context = DecisionContext(
      ActiveConfiguration(configuration, generation: 1, responders: []), keys: KeySnapshot(providers: []),
      replays: ReplayMemory(proofsMax: 64) { _ in }, rateLimits: RateLimitMemory(sendersMax: 64))
    context.wallClockNanoseconds = WallClock.nanoseconds
    return context
  }

  private static func shows(_ bytes: [UInt8], _ pieces: [[UInt8]]) -> Bool {
    pieces.contains { piece in
      bytes.indices.contains { start in
        start + piece.count <= bytes.count && bytes[start] == piece[0]
          && bytes[start..<start + piece.count].elementsEqual(piece)
      }
    }
  }
}
