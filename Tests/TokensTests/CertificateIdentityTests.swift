import Testing

@testable import Tokens

@Suite("Who a certificate says a client is")
struct CertificateIdentityTests {
  private static let policy = TokenPolicy(provider: "machines", issuer: "machines", audiences: .any)

  private static func certificate(_ change: (inout CertificateNaming) -> Void = { _ in }) -> CertificateNaming {
    var certificate = CertificateNaming(issuer: "CN=clients", serialNumber: "a1", notBefore: 100, notAfter: 200)
    certificate.uris = ["spiffe://a/b"]
    certificate.dnsNames = ["a.test", "b.test"]
    certificate.commonNames = ["a"]
    change(&certificate)
    return certificate
  }

  private static func identity(
    _ certificate: CertificateNaming, _ rule: CertificateRule, now: UnixSeconds = 150
  ) -> Result<CertificateIdentity, CertificateRefusal> {
    Result { () throws(CertificateRefusal) in try CertificateIdentity(certificate, rule, policy, now: now) }
  }

  @Test("Its claims are what the certificate says, and what the rule lets it do")
  func claims() throws {
    var rights = CertificateRule.Rights()
    rights.roles = ["writer"]
    rights.permissions = ["orders.write"]
    let rule = CertificateRule(subject: .uri, names: [("spiffe://a/b", rights)])
    let identity = try Self.identity(Self.certificate(), rule).get()
    let claims = identity.claims
    #expect(claims.subject == "spiffe://a/b")
    #expect(claims.provider == "machines")
    #expect(claims.roles == ["writer"])
    #expect(claims.permissions == ["orders.write"])
    #expect(claims.claim(ClaimPath(name: "iss")) == .string("CN=clients"))
    #expect(claims.claim(ClaimPath(name: "jti")) == .string("a1"))
    #expect(claims.claim(ClaimPath(name: "dns")) == .list([.string("a.test"), .string("b.test")]))
    #expect(claims.claim(ClaimPath(name: "common_name")) == .string("a"))
    #expect(claims.claim(ClaimPath(name: "email")) == nil)
    #expect(identity.deadline == 200)
  }

  @Test(
    "From its beginning to its end",
    arguments: [(99, false), (100, true), (199, true), (200, false)] as [(UnixSeconds, Bool)])
  func dates(now: UnixSeconds, isGood: Bool) {
    let rule = CertificateRule(subject: .uri, names: nil)
    switch Self.identity(Self.certificate(), rule, now: now) {
    case .success: #expect(isGood)
    case .failure(let refusal): #expect(!isGood && refusal == .outOfDate)
    }
  }

  @Test("One of several names is nobody's, as is none, and one that is not listed byte for byte")
  func nobody() {
    let anyone = CertificateRule(subject: .dns, names: nil)
    for change in [["a.test", "b.test"], ["a.test", "a.test"], []] {
      #expect(throws: CertificateRefusal.nobody) {
        try Self.identity(Self.certificate { $0.dnsNames = change }, anyone).get()
      }
    }
    // The same letters to a reader, and to Swift's comparison of strings.
    let listed = CertificateRule(subject: .commonName, names: [("caf\u{E9}", CertificateRule.Rights())])
    #expect(throws: CertificateRefusal.nobody) {
      try Self.identity(Self.certificate { $0.commonNames = ["cafe\u{301}"] }, listed).get()
    }
    #expect(throws: Never.self) { try Self.identity(Self.certificate { $0.commonNames = ["caf\u{E9}"] }, listed).get() }
    let nobody = CertificateRule(subject: .uri, names: [])
    #expect(throws: CertificateRefusal.nobody) { try Self.identity(Self.certificate(), nobody).get() }
  }
}
