import Configuration
import Keys
import Testing
import Tokens

@testable import SignIn

@Suite("What is said of an issuer at which browsers sign in")
struct CodeFlowDiagnosisTests {
  static let issuer = "https://id.example"
  static let whole: [(name: String, value: String)] = [
    ("issuer", #""https://id.example""#), ("jwks_uri", #""https://id.example/keys""#),
    ("authorization_endpoint", #""https://id.example/auth?key=hidden""#),
    ("token_endpoint", #""https://id.example/token""#), ("userinfo_endpoint", #""https://id.example/me""#),
    ("end_session_endpoint", #""https://id.example/out""#),
    ("authorization_response_iss_parameter_supported", "true"), ("response_types_supported", #"["code"]"#),
    ("response_modes_supported", #"["query","fragment"]"#), ("grant_types_supported", #"["authorization_code"]"#),
    ("code_challenge_methods_supported", #"["plain","S256"]"#),
    ("token_endpoint_auth_methods_supported", #"["client_secret_basic","private_key_jwt","none"]"#),
    ("scopes_supported", #"["openid","email"]"#), ("id_token_signing_alg_values_supported", #"["ES256"]"#),
    ("backchannel_logout_supported", "true"),
  ]

  private func findings(
    _ changes: [String: String?] = [:],
    client: IntrospectionConfiguration.ClientAuthentication? = .secretFile(NamedFile(path: "/s")),
    algorithms: [SignatureAlgorithm]? = nil, signing: SignatureAlgorithm? = nil
  ) throws -> [IssuerFinding] {
    var members: [String] = []
    for (name, value) in Self.whole + [(name: "token_endpoint_auth_signing_alg_values_supported", value: "null")] {
      let value = changes[name] ?? value
      if let value, value != "null" { members.append("\"\(name)\":\(value)") }
    }
    let flow = CodeFlowConfiguration(
      clientID: "shop", clientAuthentication: client, scopes: ["openid", "email"], origin: "https://app.example",
      host: "app.example", path: "/oauth", asksUserinfo: true, lifetimeSeconds: 43_200, idleSeconds: 7200,
      afterLogout: "/", stateFolder: NamedFile(path: "/nowhere"), cookies: SessionCookies(.secured))
    let document = try DiscoveryDocument(
      Array("{\(members.joined(separator: ","))}".utf8).span, issuer: Self.issuer)
    let policy = TokenPolicy(
      provider: "company", issuer: Self.issuer, audiences: .oneOf(["a"]), algorithms: algorithms)
    return CodeFlowDiagnosis(document, flow, policy, assertionAlgorithm: signing).findings
  }

  @Test("An issuer that has all: one finding for each thing, and no query is shown")
  func good() throws {
    let found = try findings()
    #expect(found.allSatisfy { $0.severity == .good && $0.remedy == nil }, "\(found)")
    #expect(
      Set(found.map(\.subject)) == ["code flow", "iss", "userinfo", "sign-out", "PKCE", "client", "scopes", "logout"])
    #expect(!found.contains { $0.verdict.contains("key=hidden") })
    #expect(found.contains { $0.verdict.contains("https://app.example/oauth/backchannel-logout") })
  }

  @Test(
    "What is wrong has one finding, with a remedy",
    arguments: [
      ("authorization_endpoint", nil, "code flow", IssuerFinding.Severity.fault, "authorization_endpoint is missing"),
      ("token_endpoint", nil, "code flow", .fault, "token_endpoint is missing"),
      ("token_endpoint", #""http://id.example/token""#, "code flow", .fault, "token_endpoint is not https"),
      ("userinfo_endpoint", #""http://id.example/me""#, "code flow", .fault, "userinfo_endpoint is not https"),
      ("end_session_endpoint", "7", "code flow", .fault, "end_session_endpoint is not a string"),
      ("response_types_supported", #"["id_token"]"#, "code flow", .fault, #"response_types_supported has "id_token""#),
      ("response_modes_supported", #"["form_post"]"#, "code flow", .fault, "response_modes_supported"),
      ("grant_types_supported", "[]", "code flow", .fault, "grant_types_supported has nothing"),
      ("userinfo_endpoint", nil, "userinfo", .warning, "no userinfo_endpoint"),
      ("end_session_endpoint", nil, "sign-out", .warning, "no end_session_endpoint"),
      ("code_challenge_methods_supported", nil, "PKCE", .warning, "does not say that it checks PKCE"),
      ("code_challenge_methods_supported", #"["plain"]"#, "PKCE", .fault, #"and not "S256""#),
      ("token_endpoint_auth_methods_supported", #"["client_secret_post"]"#, "client", .fault, "client_secret_basic"),
      ("scopes_supported", #"["openid"]"#, "scopes", .warning, #""email""#),
      ("id_token_signing_alg_values_supported", #"["HS256","none"]"#, "ID token", .fault, #""HS256", "none""#),
      ("backchannel_logout_supported", nil, "logout", .warning, "back-channel logout"),
      ("backchannel_logout_supported", "false", "logout", .warning, "back-channel logout"),
    ] as [(String, String?, String, IssuerFinding.Severity, String)])
  func bad(name: String, value: String?, subject: String, severity: IssuerFinding.Severity, text: String) throws {
    let found = try findings([name: value]).filter { $0.severity != .good }
    #expect(found.map(\.subject) == [subject] && found.map(\.severity) == [severity], "\(found)")
    #expect(found.first?.verdict.contains(text) == true && found.first?.remedy != nil, "\(found)")
  }

  @Test("RFC 9864: an issuer that signs with Ed25519 signs with EdDSA")
  func ed25519() throws {
    let found = try findings(["id_token_signing_alg_values_supported": #"["Ed25519"]"#])
    #expect(found.allSatisfy { $0.severity == .good }, "\(found)")
  }

  @Test("What is left out is what the specifications take it for, or is not known")
  func leftOut() throws {
    for name in [
      "response_types_supported", "response_modes_supported", "grant_types_supported",
      "token_endpoint_auth_methods_supported", "scopes_supported", "id_token_signing_alg_values_supported",
    ] {
      let found = try findings([name: nil])
      #expect(found.allSatisfy { $0.severity == .good }, "\(name): \(found)")
    }
    let found = try findings(["authorization_response_iss_parameter_supported": nil])
    #expect(found.contains { $0.subject == "iss" && $0.verdict.contains("without it is accepted") })
  }

  @Test("The client's way of proving who it is, and whether the issuer says that it takes it")
  func clients() throws {
    let name = "token_endpoint_auth_methods_supported"
    let key = IntrospectionConfiguration.ClientAuthentication.privateKeyFile(
      NamedFile(path: "/k"), keyID: nil, audience: nil)
    func severity(
      _ value: String?, _ client: IntrospectionConfiguration.ClientAuthentication?
    ) throws -> IssuerFinding.Severity? {
      try findings([name: value], client: client).first { $0.subject == "client" }?.severity
    }
    #expect(try severity(#"["private_key_jwt"]"#, key) == .good)
    #expect(try severity(#"["client_secret_basic"]"#, key) == .fault)
    #expect(try severity(nil, key) == .warning)
    #expect(try severity(#"["none"]"#, nil) == .good)
    #expect(try severity(#"["client_secret_basic"]"#, nil) == .warning)
    #expect(try severity(nil, nil) == .warning)
  }

  @Test(
    "The client's key signs with what the token endpoint takes",
    arguments: [
      (.es256, #"["RS256","ES256"]"#, .good, "ES256"), (.rs256, #"["RS256"]"#, .good, "RS256"),
      (.es384, #"["RS256","ES256"]"#, .fault, #""RS256", "ES256""#), (.eddsa, "[]", .fault, "has nothing"),
      (.rs256, nil, .good, "should take RS256"), (.es256, nil, .warning, "has no token_endpoint_auth_signing_alg"),
    ] as [(SignatureAlgorithm, String?, IssuerFinding.Severity, String)])
  func clientKeys(
    algorithm: SignatureAlgorithm, listed: String?, severity: IssuerFinding.Severity, text: String
  ) throws {
    let found = try findings(
      ["token_endpoint_auth_signing_alg_values_supported": listed],
      client: .privateKeyFile(NamedFile(path: "/k"), keyID: nil, audience: nil), signing: algorithm
    ).filter { $0.subject == "client key" }
    #expect(found.map(\.severity) == [severity] && found.first?.verdict.contains(text) == true, "\(found)")
    #expect((found.first?.remedy?.contains(algorithm.rawValue) ?? (severity == .good)), "\(found)")
  }

  @Test("ID tokens are signed with what the provider accepts")
  func algorithms() throws {
    #expect(try findings(algorithms: [.es256]).allSatisfy { $0.severity == .good })
    let found = try findings(algorithms: [.rs256]).filter { $0.severity != .good }
    #expect(found.map(\.subject) == ["ID token"] && found.first?.remedy?.contains("algorithms") == true)
  }
}
