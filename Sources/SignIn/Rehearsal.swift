public import Configuration
import Crypto
import Fetch
import HTTP
import Keys
import OAuth
import Sockets
import State
import Synchronization
public import Tokens

/// Services for requests that no client has sent: they store nothing, read no file, contact no server and check no
/// password. They answer and report all that the real ones would, and suppress no report for being repeated too often.
public enum Rehearsal {
  /// A service for sign-ins; nil if OpenSSL fails.
  ///
  /// - Parameter keys: Those of the provider; the first of them signs.
  public static func signIn(
    _ configuration: SignInConfiguration, _ policy: TokenPolicy, keys: [IssuerKey],
    report: @escaping @Sendable (SignInEvent) -> Void
  ) -> SignInService? {
    SignInService(
      configuration, policy,
      // Without a user whose password could be compared, none is hashed.
      state: SignInState(
        store: EmptyStore(), users: configuration.users, keys: keys, unmatched: nil, saidEvery: .zero),
      passwords: PasswordWork(width: 1), clock: { WallClock.seconds }, end: { _, done in done() }, report: report)
  }

  /// A service, and what a browser brings back from a sign-in at its provider that has begun, besides the code.
  public struct CodeFlow: Sendable {
    /// The service that the browser comes back to.
    public let service: CodeFlowService
    /// The query parameter `state` (RFC 6749 §4.1.2).
    public let state: String
    /// The cookie of that state, as `NAME=VALUE`.
    public let cookie: String
  }

  /// A service for the code flow with a sign-in that has begun; nil if OpenSSL fails.
  ///
  /// - Parameters:
  ///   - policy: That of the provider, whose endpoints echo what they are sent.
  ///   - keys: Those of the provider.
  public static func codeFlow(
    _ configuration: CodeFlowConfiguration, _ policy: TokenPolicy, keys: KeySet,
    report: @escaping @Sendable (CodeFlowEvent) -> Void
  ) -> CodeFlow? {
    let asked = Mutex(0)
    guard let client = try? OAuthClient(id: configuration.clientID, .none),
      let random = try? RandomBytes.make(SealingSecret.bytesCount), let sealing = SealingSecret(random),
      let (flow, sealed) = try? Flow.begin(
        returnTo: "/", place: 0, now: WallClock.seconds, with: sealing, provider: policy.provider)
    else { return nil }
    let endpoints = Result { () throws(CodeFlowFault) in
      try ProviderEndpoints(discovered(policy.issuer).span, issuer: policy.issuer)
    }
    let service = CodeFlowService(
      configuration, policy, client: client, certificateAuthorityFile: nil, sealing: sealing, store: EmptyStore(),
      memory: CodeFlowMemory(),
      access: ProviderAccess(
        endpoints: { $0(endpoints) },
        fetch: { request, completion in
          let count = asked.withLock { count in
            defer { count += 1 }
            return count
          }
          completion(echo(request, count))
        },
        keys: { keys }, newKeys: { $0(keys) }),
      clock: { WallClock.seconds }, end: { _, done in done() }, verified: { _ in }, saidEvery: .zero, report: report)
    return CodeFlow(
      service: service, state: flow.state, cookie: "\(configuration.cookies.flowPrefix)0=\(sealed)")
  }

  private static func discovered(_ issuer: String) -> [UInt8] {
    let members = [
      "issuer": "", "authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys",
    ]
    return [UInt8]("{\(members.map { "\"\($0.key)\":\"\(issuer)\($0.value)\"" }.joined(separator: ","))}".utf8)
  }

  /// The responses of a provider that echoes what it is sent: in turn as an error, as tokens, and as something else.
  private static func echo(_ request: FetchRequest, _ count: Int) -> Result<FetchResponse, FetchError> {
    guard case .post(_, let content) = request.method else { return .failure(.requestRefused) }
    let sent = String(decoding: content, as: UTF8.self)
    let (status, text) =
      switch count % 3 {
      case 0: (400, "{\"error\":\"\(sent)\"}")
      case 1: (200, "{\"access_token\":\"\(sent)\",\"token_type\":\"Bearer\",\"id_token\":\"\(sent)\"}")
      default: (500, sent)
      }
    return .success(FetchResponse(status: status, body: [UInt8](text.utf8), contentType: "application/json"))
  }
}
