import Configuration
import Crypto
import Fetch
import Glibc
import HTTP
import JSON
import OAuth
import Sockets
import State
import Synchronization
import TestSupport
import Testing
import Tokens

@testable import SignIn

/// A provider in memory, and a service that asks it. Its fields say how it behaves.
final class FakeProvider: Sendable {
  private struct Behaviour {
    var now: UnixSeconds = 1_700_000_000
    var nonce = ""
    var audience = "shop"
    var groups: [String] = []
    var refreshTokens = 0
    var isDown = false
    var refuses = false
    var refusal = "invalid_grant"
    var asked: [String] = []
    var ended: [String] = []
    var said: [CodeFlowEvent] = []
    var failingWrites = 0
  }

  private let state = Mutex(Behaviour())
  private let key: IssuerKey
  private let folder: TemporaryFolder
  private let made = Mutex<CodeFlowService?>(nil)
  let store: UnreliableStore

  var now: UnixSeconds {
    get { state.withLock { $0.now } }
    set { state.withLock { $0.now = newValue } }
  }
  var nonce: String {
    get { state.withLock { $0.nonce } }
    set { state.withLock { $0.nonce = newValue } }
  }
  var audience: String {
    get { state.withLock { $0.audience } }
    set { state.withLock { $0.audience = newValue } }
  }
  var groups: [String] {
    get { state.withLock { $0.groups } }
    set { state.withLock { $0.groups = newValue } }
  }
  var isDown: Bool {
    get { state.withLock { $0.isDown } }
    set { state.withLock { $0.isDown = newValue } }
  }
  var refuses: Bool {
    get { state.withLock { $0.refuses } }
    set { state.withLock { $0.refuses = newValue } }
  }
  /// The error code that it refuses with.
  var refusal: String {
    get { state.withLock { $0.refusal } }
    set { state.withLock { $0.refusal = newValue } }
  }
  /// How many times the store fails to keep what its token endpoint answers.
  var failingWrites: Int {
    get { state.withLock { $0.failingWrites } }
    set { state.withLock { $0.failingWrites = newValue } }
  }
  /// What its token endpoint was asked.
  var asked: [String] { state.withLock { $0.asked } }
  /// What operators hear.
  var said: [CodeFlowEvent] { state.withLock { $0.said } }
  /// How many sign-ins came to their end.
  var signedIn: Int { said.count { if case .signedIn = $0 { true } else { false } } }
  /// Sessions that the loops were told of.
  var ended: [String] { state.withLock { $0.ended } }

  init() throws {
    key = try IssuerKey(try SigningKey.generate(.ellipticCurve(.p256)), algorithm: .es256)
    folder = try TemporaryFolder()
    let secret = try folder.write("client.secret", "hush")
    let configuration = CodeFlowConfiguration(
      clientID: "shop", clientAuthentication: .secretFile(NamedFile(path: secret)), scopes: ["openid"],
      origin: "https://app.example",
      host: "app.example", path: "/oauth", asksUserinfo: false, lifetimeSeconds: 43_200, idleSeconds: 7200,
      afterLogout: "/", stateFolder: NamedFile(path: folder.path), cookies: SessionCookies(.secured))
    let endpoints = try ProviderEndpoints(
      Array(
        #"""
        {"issuer":"https://id.example","jwks_uri":"https://id.example/keys",
        "authorization_endpoint":"https://id.example/auth","token_endpoint":"https://id.example/token",
        "end_session_endpoint":"https://id.example/out"}
        """#.utf8
      ).span, issuer: "https://id.example")
    let keys = KeySet([key])
    store = UnreliableStore(try SQLiteSessionStore(path: "\(folder.path)/company.sessions.db"))
    let service = try CodeFlowService(
      configuration,
      TokenPolicy(
        provider: "company", issuer: "https://id.example", audiences: .oneOf(["orders"]),
        tried: TriedTokenChecks(
          audiences: .oneOf(["orders"]), ageMaxSeconds: 60, requiredClaims: [ClaimPath(name: "tenant")])),
      client: try OAuthClient(id: "shop", .secretFile(secret)), certificateAuthorityFile: nil,
      store: store, memory: CodeFlowMemory(),
      access: ProviderAccess(
        endpoints: { $0(.success(endpoints)) },
        fetch: { [weak self] request, completion in completion(self?.answer(request) ?? .failure(.stopped)) },
        keys: { keys }, newKeys: { $0(keys) }),
      clock: { [weak self] in self?.now ?? 0 },
      end: { [weak self] ids, done in
        self?.state.withLock { $0.ended += ids }
        done()
      }, report: { [weak self] event in self?.state.withLock { $0.said.append(event) } })
    made.withLock { $0 = service }
  }

  private var service: CodeFlowService? { made.withLock { $0 } }

  func take(_ revocations: Revocations) { service?.take(revocations) }

  private func answer(_ request: FetchRequest) -> Result<FetchResponse, FetchError> {
    guard case .post(_, let content) = request.method else { return .failure(.requestRefused) }
    return state.withLock { state in
      if state.isDown { return .failure(.timedOut(.seconds(4))) }
      store.renewalsFail(state.failingWrites)
      state.asked.append(String(decoding: content, as: UTF8.self))
      guard !state.refuses else {
        return .success(
          FetchResponse(
            status: 400, body: Array(#"{"error":"\#(state.refusal)"}"#.utf8), contentType: "application/json"))
      }
      let claims: JSONObject = [
        "iss": .string("https://id.example"), "sub": .string("alice"), "aud": .string(state.audience),
        "iat": .integer(state.now), "exp": .integer(state.now + 300), "nonce": .string(state.nonce),
        "groups": .array(state.groups.map { .string($0) }),
      ]
      let token = (try? TokenMinter.mint(claims, type: "JWT", with: key)) ?? []
      state.refreshTokens += 1
      let body: JSONValue = .object([
        "access_token": .string("a"), "token_type": .string("Bearer"), "expires_in": .integer(300),
        "refresh_token": .string("r\(state.refreshTokens)"),
        "id_token": .string(String(decoding: token, as: UTF8.self)),
      ])
      return .success(FetchResponse(status: 200, body: body.serialized(), contentType: "application/json"))
    }
  }

  func logoutToken(subject: String) throws -> String {
    let claims: JSONObject = [
      "iss": .string("https://id.example"), "sub": .string(subject), "aud": .string("shop"), "iat": .integer(now),
      "exp": .integer(now + 60), "jti": .string("j1"),
      "events": .object(["http://schemas.openid.net/event/backchannel-logout": .object([:])]),
    ]
    return String(decoding: try TokenMinter.mint(claims, type: "logout+jwt", with: key), as: UTF8.self)
  }

  // MARK: A browser

  func get(
    _ path: String, query: String = "", cookies: String = "", client: IPAddress? = nil,
    fields: [(name: String, value: String)] = []
  ) async -> LocalResponse {
    var request = request("GET", path, cookies)
    request.fields += fields.map { ($0.name, Array($0.value.utf8)) }
    request.client = client
    request.query = query
    return await send(request)
  }

  func post(
    _ path: String, _ form: String, cookies: String = "", origin: LocalRequest.Origin
  ) async -> LocalResponse {
    var request = request("POST", path, cookies)
    request.origin = origin
    request.body = Array(form.utf8)
    request.fields.append(("content-type", Array("application/x-www-form-urlencoded".utf8)))
    return await send(request)
  }

  private func request(_ method: String, _ path: String, _ cookies: String) -> LocalRequest {
    var request = LocalRequest()
    request.method = method
    request.host = "app.example"
    request.path = "/oauth/" + path
    if !cookies.isEmpty { request.fields = [("cookie", Array(cookies.utf8))] }
    return request
  }

  private func send(_ request: LocalRequest) async -> LocalResponse {
    await withCheckedContinuation { continuation in
      guard let service else { return continuation.resume(returning: LocalResponse(status: 0, fields: [], body: [])) }
      service.respond(to: request) { continuation.resume(returning: $0) }
    }
  }

  /// - Parameter cookie: Name and value.
  func introspect(_ cookie: String, client: IPAddress? = nil) async -> IntrospectionResult {
    await withCheckedContinuation { continuation in
      guard let service else { return continuation.resume(returning: .unavailable) }
      service.introspect(Array(cookie.drop { $0 != "=" }.dropFirst().utf8), client: client) {
        continuation.resume(returning: $0)
      }
    }
  }
}

extension LocalResponse {
  func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
  var cookies: [String] { fields.filter { $0.name == "Set-Cookie" }.map(\.value) }
}
