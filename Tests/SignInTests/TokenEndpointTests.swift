import Crypto
import Fetch
import Glibc
import JSON
import OAuth
import Sockets
import TestSupport
import Testing
import Tokens

@testable import SignIn

@Suite("Token endpoints (RFC 6749 §3.2)")
struct TokenEndpointTests {
  // MARK: Questions

  private func client(secret: String) throws -> OAuthClient {
    let folder = try TemporaryFolder()
    return try OAuthClient(id: "shop", .secretFile(folder.write("secret", secret)))
  }

  private func content(_ request: FetchRequest) -> String {
    guard case .post(let contentType, let content) = request.method else { return "no post" }
    #expect(contentType == "application/x-www-form-urlencoded")
    return String(decoding: content, as: UTF8.self)
  }

  @Test("A code is redeemed with the URL that the browser was sent with, and PKCE's verifier; the secret is in no body")
  func code() throws {
    let request = try TokenRequest.code("c/&d", redirectURI: "https://app.example/oauth/callback", verifier: "v-_~")
      .make(
        client: try client(secret: "hush"), endpoint: "https://id.example/token", certificateAuthorityFile: "/ca.pem",
        now: 1)
    #expect(
      content(request)
        == "grant_type=authorization_code&code=c%2F%26d&redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fcallback"
        + "&code_verifier=v-_%7E")
    #expect(request.url == "https://id.example/token")
    #expect(request.fields.map(\.value) == ["Basic c2hvcDpodXNo"])
    #expect(request.certificateAuthorityFile == "/ca.pem")
    #expect(request.accept == "application/json")
    #expect(request.timeout == .seconds(4))
  }

  @Test("RFC 6749 §6: a refresh token is used")
  func refresh() throws {
    let request = try TokenRequest.refresh("r+r").make(
      client: try client(secret: "hush"), endpoint: "https://id.example/token", certificateAuthorityFile: nil, now: 1)
    #expect(content(request) == "grant_type=refresh_token&refresh_token=r%2Br")
  }

  // MARK: Answers

  private static func read(
    _ body: String, status: Int = 200, contentType: String? = "application/json"
  ) -> Result<TokenResponse, CodeFlowFault> {
    do throws(CodeFlowFault) {
      return .success(
        try TokenResponse(FetchResponse(status: status, body: Array(body.utf8), contentType: contentType)))
    } catch {
      return .failure(error)
    }
  }

  @Test("RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3")
  func whole() throws {
    let response = try Self.read(
      #"{"access_token":"a","token_type":"bearer","expires_in":3600,"refresh_token":"r","id_token":"i","x":[1]}"#,
      contentType: "Application/JSON; charset=UTF-8"
    ).get()
    #expect(response.accessToken == "a")
    #expect(response.expiresInSeconds == 3600)
    #expect(response.refreshToken == "r")
    #expect(response.idToken == "i")
    let least = try Self.read(#"{"access_token":"a","token_type":"Bearer","refresh_token":null}"#).get()
    #expect(least.expiresInSeconds == nil && least.refreshToken == nil && least.idToken == nil)
  }

  @Test(
    "How long a token is good, in the ways in which providers write it",
    arguments: [
      ("0", 0), ("59.9", 59), (#""300""#, 300), ("9223372036854775807", 3_162_240_000), ("1e300", 3_162_240_000),
      (#""9223372036854775807""#, 3_162_240_000),
    ] as [(String, Int64)])
  func times(text: String, seconds: Int64) throws {
    let response = try Self.read("{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":\(text)}").get()
    #expect(response.expiresInSeconds == seconds)
  }

  @Test(
    "What is not clearly said is a fault",
    arguments: [
      "", "[]", "<html>", #"{"token_type":"Bearer"}"#, #"{"access_token":"a"}"#,
      #"{"access_token":"","token_type":"Bearer"}"#, #"{"access_token":7,"token_type":"Bearer"}"#,
      #"{"access_token":"a","token_type":"mac"}"#, #"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
      #"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#,
      #"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#,
      #"{"access_token":"a","token_type":"Bearer","expires_in":true}"#,
      #"{"access_token":"a","token_type":"Bearer","id_token":{}}"#,
      #"{"access_token":"a","token_type":"Bearer","refresh_token":""}"#,
      #"{"access_token":"a","token_type":"Bearer"} x"#,
    ])
  func malformed(body: String) {
    guard case .failure(.responseMalformed) = Self.read(body) else {
      Issue.record("taken: \(body)")
      return
    }
  }

  @Test(
    "Which responses to a refresh token end its session, and which say nothing of it",
    arguments: [
      (.refused(error: "invalid_grant"), true), (.refused(error: "interaction_required"), true),
      (.refused(error: "login_required"), true), (.refused(error: "consent_required"), true),
      (.refused(error: "access_denied"), true), (.refused(error: "invalid_request"), true),
      (.refused(error: "unknown"), true), (.status(400, of: .token), true),
      (.refused(error: "invalid_client"), false), (.refused(error: "unauthorized_client"), false),
      (.refused(error: "unsupported_grant_type"), false), (.refused(error: "server_error"), false),
      (.refused(error: "temporarily_unavailable"), false), (.refused(error: "slow_down"), false),
      (.status(401, of: .token), false), (.status(403, of: .token), false), (.status(404, of: .token), false),
      (.status(429, of: .token), false), (.status(500, of: .token), false), (.responseMalformed("x"), false),
      (.fetch(.timedOut(.seconds(4))), false),
    ] as [(CodeFlowFault, Bool)])
  func endings(fault: CodeFlowFault, ends: Bool) { #expect(fault.endsSession == ends) }

  @Test("RFC 6749 §5.2: the provider's refusal, of which the code alone is kept")
  func refused() {
    guard
      case .failure(.refused("invalid_grant")) = Self.read(
        #"{"error":"invalid_grant","error_description":"canary"}"#, status: 400)
    else {
      Issue.record("not as said")
      return
    }
    guard case .failure(.refused("invalid_grant")) = Self.read(#"{"error":"invalid_grant"}"#, status: 403) else {
      Issue.record("another status")
      return
    }
    guard case .failure(let fault) = Self.read(#"{"error":"no <such>"}"#, status: 400) else { return }
    #expect(fault.description == "the provider says unknown")
    for (status, body, type) in [
      (500, #"{"error":"invalid_grant"}"#, "application/json"), (302, "", "text/html"), (400, "<html>", "text/html"),
      (400, "{}", "application/json"), (429, #"{"error":"slow_down"}"#, "application/json"),
      (403, "<html>", "text/html"),
      // What stands before the provider speaks JSON too.
      (404, #"{"error":"Not Found"}"#, "application/json"), (401, #"{"error":"Unauthorized"}"#, "application/json"),
      (413, #"{"error":"rate_limited"}"#, "application/json"),
    ] {
      guard case .failure(.status(status, of: .token)) = Self.read(body, status: status, contentType: type) else {
        Issue.record("\(status) \(body)")
        continue
      }
    }
    guard case .failure(.responseMalformed) = Self.read("{}", contentType: "text/html") else {
      Issue.record("a page")
      return
    }
  }
}
