import Configuration
import Crypto
import HTTP
import Reason
import Synchronization
import Testing
import Tokens

@testable import SignIn

@Suite("Sign-ins for requests that nobody has sent")
struct RehearsalTests {
  private func answer(_ responder: any Responder, _ request: LocalRequest) async -> LocalResponse {
    await withCheckedContinuation { continuation in
      responder.respond(to: request) { continuation.resume(returning: $0) }
    }
  }

  private let policy = TokenPolicy(provider: "company", issuer: "https://id.example", audiences: .oneOf(["orders"]))

  @Test("Each failure to sign in is told, and no password is checked")
  func signIn() async throws {
    let key = try IssuerKey(.generate(.ed25519), algorithm: .eddsa)
    let events = Mutex<[SignInEvent]>([])
    let configuration = SignInConfiguration(
      users: .nobody, path: "/auth", hosts: ["app.example"], lifetimeSeconds: 60, refreshSeconds: 60, idleSeconds: 60,
      title: "", logo: nil, accent: nil, cookies: SignInCookies(.secured))
    let service = try #require(
      Rehearsal.signIn(configuration, policy, keys: [key]) { event in events.withLock { $0.append(event) } })
    var request = LocalRequest()
    (request.method, request.path) = ("POST", "/auth/login")
    request.fields = [("content-type", Array("application/json".utf8))]
    request.body = Array(#"{"username":"alice","password":"hunter2"}"#.utf8)
    for _ in 0..<3 { #expect(await answer(service, request).reason == .loginFailed) }
    let failures = events.withLock { $0 }
    #expect(failures.count == 3)
    for event in failures {
      guard case .failures(count: 1, lastOf: nil, address: _) = event else {
        Issue.record("\(event)")
        continue
      }
    }
  }

  @Test("A way to the provider has begun, which answers in different ways, and each failure is told")
  func codeFlow() async throws {
    let key = try IssuerKey(.generate(.ed25519), algorithm: .eddsa)
    let said = Mutex<[String]>([])
    let configuration = CodeFlowConfiguration(
      clientID: "shop", clientAuthentication: nil, scopes: ["openid"], origin: "https://app.example",
      host: "app.example", path: "/oauth", asksUserinfo: false, lifetimeSeconds: 60, idleSeconds: 60, afterLogout: "/",
      stateFolder: NamedFile(path: "/nonexistent"), cookies: SessionCookies(.secured))
    let rehearsal = try #require(
      Rehearsal.codeFlow(configuration, policy, keys: KeySet([key])) { event in
        if case .failed(let why, _) = event { said.withLock { $0.append(why) } }
      })
    var request = LocalRequest()
    (request.method, request.path) = ("GET", "/oauth/callback")
    request.query = "?code=hunter2&state=\(rehearsal.state)"
    request.fields = [("cookie", Array(rehearsal.cookie.utf8))]
    for _ in 0..<3 { #expect(await answer(rehearsal.service, request).status >= 400) }
    #expect(Set(said.withLock { $0 }).count == 3 && !said.withLock { $0 }.joined().contains("hunter2"))
  }
}
