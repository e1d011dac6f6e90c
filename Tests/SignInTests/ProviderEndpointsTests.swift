import Fetch
import Sockets
import Testing

@testable import SignIn

@Suite("Where a provider is asked (OpenID Connect Discovery 1.0 §3)")
struct ProviderEndpointsTests {
  static let issuer = "https://id.example"
  static let least = #""issuer":"https://id.example","jwks_uri":"https://id.example/keys""#
  static let endpoints =
    #""authorization_endpoint":"https://id.example/auth?tenant=1","token_endpoint":"https://id.example/token""#

  static func read(_ more: String, issuer: String = issuer) throws(CodeFlowFault) -> ProviderEndpoints {
    try ProviderEndpoints(Array("{\(more)}".utf8).span, issuer: issuer)
  }

  @Test("All that it may say")
  func whole() throws {
    let found = try Self.read(
      Self.least + "," + Self.endpoints + #","userinfo_endpoint":"https://id.example/me""#
        + #","end_session_endpoint":"https://id.example/out""#
        + #","authorization_response_iss_parameter_supported":true,"x":1"#)
    #expect(found.authorization == "https://id.example/auth?tenant=1")
    #expect(found.token == "https://id.example/token")
    #expect(found.userinfo == "https://id.example/me")
    #expect(found.endSession == "https://id.example/out")
    #expect(found.sendsIssuer)
    let less = try Self.read(Self.least + "," + Self.endpoints + #","userinfo_endpoint":null"#)
    #expect(less.userinfo == nil && less.endSession == nil && !less.sendsIssuer)
  }

  @Test("http is for loopback alone, and for issuers that are there themselves")
  func loopback() throws {
    let text = #"""
      "issuer":"http://127.0.0.1:8","jwks_uri":"http://127.0.0.1:8/k",
      "authorization_endpoint":"http://127.0.0.1:8/a","token_endpoint":"http://localhost:8/t"
      """#
    #expect(try Self.read(text, issuer: "http://127.0.0.1:8").token == "http://localhost:8/t")
    #expect(throws: CodeFlowFault.self) {
      try Self.read(
        #"""
        "issuer":"http://127.0.0.1:8","jwks_uri":"http://127.0.0.1:8/k",
        "authorization_endpoint":"http://id.example/a","token_endpoint":"http://127.0.0.1:8/t"
        """#, issuer: "http://127.0.0.1:8")
    }
  }

  @Test(
    "K-1, K-7: what is refused",
    arguments: [
      least, least + #","authorization_endpoint":"https://id.example/a""#, least + #","token_endpoint":"https://x/t""#,
      #""issuer":"https://evil.example","jwks_uri":"https://id.example/keys","# + endpoints,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":"http://127.0.0.1/a""#,
      least + #","token_endpoint":"http://127.0.0.1/t","authorization_endpoint":"https://x/a""#,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":"javascript:alert(1)""#,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":"https://x/a#b""#,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":"https://u:p@x/a""#,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":"https://x/\r\nX: y""#,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":"https://x/ a""#,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":7"#,
      least + "," + endpoints + #","end_session_endpoint":"http://x/""#,
      least + "," + endpoints + #","userinfo_endpoint":[]"#,
      least + #","token_endpoint":"https://x/t","authorization_endpoint":"https://x/"#
        + String(repeating: "a", count: 2048) + #"""#,
    ])
  func refused(text: String) { #expect(throws: CodeFlowFault.self) { try Self.read(text) } }

  // MARK: Asking

  private final class Provider {
    var asked: [(Result<FetchResponse, FetchError>) -> Void] = []
    var time = MonotonicTime(nanoseconds: 0)
    var told: [Bool] = []

    func answer(_ text: String) {
      let waiting = asked
      asked = []
      for completion in waiting { completion(.success(FetchResponse(status: 200, body: Array(text.utf8)))) }
    }

    func fail() {
      let waiting = asked
      asked = []
      for completion in waiting { completion(.failure(.timedOut(.seconds(5)))) }
    }
  }

  private func discovery(_ provider: Provider) -> ProviderDiscovery {
    ProviderDiscovery(
      issuer: Self.issuer, certificateAuthorityFile: nil, clock: { provider.time },
      fetch: { request, completion in
        #expect(request.url == "https://id.example/.well-known/openid-configuration")
        provider.asked.append(completion)
      })
  }

  private func ask(_ discovery: ProviderDiscovery, _ provider: Provider) {
    discovery.endpoints { result in
      if case .success = result { provider.told.append(true) } else { provider.told.append(false) }
    }
  }

  @Test("Many who want to know are one question; what is known is asked again after an hour, and nobody waits for that")
  func once() {
    let provider = Provider()
    let discovery = discovery(provider)
    for _ in 0..<3 { ask(discovery, provider) }
    #expect(provider.asked.count == 1 && provider.told.isEmpty)
    provider.answer("{\(Self.least),\(Self.endpoints)}")
    #expect(provider.told == [true, true, true])
    provider.time = provider.time + .seconds(3599)
    ask(discovery, provider)
    #expect(provider.asked.isEmpty)
    provider.time = provider.time + .seconds(1)
    for _ in 0..<2 { ask(discovery, provider) }
    #expect(provider.asked.count == 1)
    #expect(provider.told.count == 6)
    // What is known stays, and is asked for again after a pause.
    provider.fail()
    ask(discovery, provider)
    #expect(provider.asked.isEmpty && provider.told == Array(repeating: true, count: 7))
    provider.time = provider.time + .seconds(5)
    ask(discovery, provider)
    #expect(provider.asked.count == 1 && provider.told.count == 8)
  }

  @Test("After a failure nobody waits for another one, for five seconds")
  func pause() {
    let provider = Provider()
    let discovery = discovery(provider)
    ask(discovery, provider)
    provider.answer("<html>")
    #expect(provider.told == [false])
    ask(discovery, provider)
    #expect(provider.told == [false, false] && provider.asked.isEmpty)
    provider.time = provider.time + .seconds(5)
    ask(discovery, provider)
    #expect(provider.asked.count == 1)
    provider.answer("{\(Self.least),\(Self.endpoints)}")
    #expect(provider.told == [false, false, true])
  }
}
