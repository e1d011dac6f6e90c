import COpenSSL
import Glibc
import Sockets
import Testing

@testable import TLS

@Suite("Handshakes")
struct HandshakeTests {
  let authority: CertificateMaker
  let named: CertificateMaker
  let wild: CertificateMaker

  init() throws {
    authority = try CertificateMaker(nil)
    named = try CertificateMaker("DNS:a.example,IP:127.0.0.1", issuer: authority)
    wild = try CertificateMaker("DNS:*.w.example", issuer: authority)
  }

  private func context(
    _ clients: TLSContext.Clients? = nil, minimum: TLSVersion = .tls12, name: String = "one",
    tickets: TicketKeys = TicketKeys()
  ) throws -> TLSContext {
    let certificates = try [named, wild].map { try ServerCertificate(chainPEM: $0.pem, keyPEM: $0.keyPEM) }
    return try TLSContext(
      TLSContext.Settings(certificates: certificates, clients: clients, minimum: minimum, name: name), tickets: tickets)
  }

  private func clients(required: Bool) throws -> TLSContext.Clients {
    TLSContext.Clients(authorities: try ClientAuthorities(pem: authority.pem), areRequired: required)
  }

  private func client(_ change: (inout ClientSettings) -> Void = { _ in }) throws -> Client {
    var settings = ClientSettings(trusts: authority)
    change(&settings)
    return try Client(settings)
  }

  @Test("TLS 1.3 with AEAD is agreed on", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func versions(_ version: Int32) throws {
    let pair = try Pair(try context(), try client { $0.versions = TLS1_2_VERSION...version })
    #expect(pair.handshake() == .done)
    #expect(pair.clientIsConnected)
    #expect(pair.version == version)
    #expect(pair.cipher.contains("GCM") || pair.cipher.contains("CHACHA20"))
  }

  @Test("A-6: older versions, CBC, and suites without forward secrecy are refused")
  func weak() throws {
    let old = try Pair(try context(), try client { $0.versions = TLS1_VERSION...TLS1_1_VERSION })
    #expect(old.handshake() == .failed("unsupported_protocol"))
    for ciphers in ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256"] {
      let pair = try Pair(
        try context(),
        try client {
          $0.versions = TLS1_2_VERSION...TLS1_2_VERSION
          $0.ciphers = ciphers
        })
      #expect(pair.handshake() == .failed("no_shared_cipher"), "\(ciphers)")
    }
    let newest = try Pair(
      try context(minimum: .tls13), try client { $0.versions = TLS1_2_VERSION...TLS1_2_VERSION })
    #expect(newest.handshake() == .failed("unsupported_protocol"))
  }

  @Test("A-6: nothing is negotiated anew")
  func renegotiation() throws {
    let pair = try Pair(try context(), try client { $0.versions = TLS1_2_VERSION...TLS1_2_VERSION })
    #expect(pair.handshake() == .done)
    #expect(!pair.clientRenegotiates())
    #expect(pair.serverReads().0 == .wouldBlock)
    #expect(!pair.clientRenegotiates())
  }

  @Test("The certificate is that of the host that the client names")
  func serverNames() throws {
    for (name, shown) in [("a.example", named), ("A.EXAMPLE", named), ("x.w.example", wild)] {
      let pair = try Pair(try context(), try client { $0.serverName = name })
      #expect(pair.handshake() == .done)
      #expect(pair.shownThumbprint == shown.thumbprint)
      #expect(pair.serverShowsCertificate(for: name))
    }
    for name in ["other.example", "x.y.w.example", nil] {
      let pair = try Pair(
        try context(),
        try client {
          $0.serverName = name
          $0.trusts = nil
        })
      #expect(pair.handshake() == .done)
      #expect(pair.shownThumbprint == named.thumbprint)
    }
  }

  @Test("ALPN: http/1.1, or nothing; a client that speaks neither is told")
  func protocols() throws {
    for (offered, agreed) in [([], ""), (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1")] {
      let pair = try Pair(try context(), try client { $0.protocols = offered })
      #expect(pair.handshake() == .done)
      #expect(pair.alpn == agreed)
    }
    let pair = try Pair(try context(), try client { $0.protocols = ["h2", "http/1.0"] })
    #expect(pair.handshake() == .failed("no_application_protocol"))
  }

  @Test("A session goes on in another context of the same listener", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func resumption(_ version: Int32) throws {
    let tickets = TicketKeys()
    let client = try client { $0.versions = version...version }
    let first = try Pair(try context(tickets: tickets), client)
    #expect(first.handshake() == .done)
    #expect(!first.serverIsResumed)
    first.clientRemembers()
    let second = try Pair(try context(tickets: tickets), client)
    #expect(second.handshake() == .done)
    #expect(second.serverIsResumed)
    #expect(second.clientIsResumed)
  }

  @Test("A session does not go on elsewhere", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func noResumption(_ version: Int32) throws {
    let tickets = TicketKeys()
    let others = [
      try context(name: "two", tickets: tickets), try context(),
      try context(try clients(required: false), tickets: tickets),
    ]
    for other in others {
      let client = try client { $0.versions = version...version }
      let first = try Pair(try context(tickets: tickets), client)
      #expect(first.handshake() == .done)
      first.clientRemembers()
      let second = try Pair(other, client)
      #expect(second.handshake() == .done)
      #expect(!second.serverIsResumed)
    }
  }

  @Test(
    "A client's certificate is verified, and known in a resumed session too",
    arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func clientCertificates(_ version: Int32) throws {
    let shown = try CertificateMaker("DNS:client", issuer: authority)
    let tickets = TicketKeys()
    for isRequired in [false, true] {
      let context = try context(try clients(required: isRequired), tickets: tickets)
      let client = try client { settings in
        settings.shows = shown
        settings.versions = version...version
      }
      for isResumed in [false, true] {
        let pair = try Pair(context, client)
        #expect(pair.handshake() == .done)
        #expect(pair.serverIsResumed == isResumed)
        #expect(pair.serverSeesThumbprint == shown.thumbprint)
        pair.clientRemembers()
      }
    }
  }

  @Test("Without a certificate, or with one that does not hold", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func badClientCertificates(_ version: Int32) throws {
    func handshake(_ shown: CertificateMaker?, required: Bool) throws -> HandshakeStep {
      let pair = try Pair(
        try context(try clients(required: required)),
        try client {
          $0.shows = shown
          $0.versions = version...version
        })
      let step = pair.handshake()
      if step == .done { #expect(pair.serverSeesThumbprint == nil) }
      return step
    }
    #expect(try handshake(nil, required: false) == .done)
    #expect(try handshake(nil, required: true) == .failed("peer_did_not_return_a_certificate"))
    for required in [false, true] {
      let expired = try CertificateMaker("DNS:client", issuer: authority, seconds: -120 ... -60)
      #expect(try handshake(expired, required: required) == .failed("certificate_has_expired"))
      let stranger = try CertificateMaker("DNS:client", issuer: try CertificateMaker(nil))
      guard case .failed = try handshake(stranger, required: required) else {
        Issue.record("a stranger was let in")
        return
      }
    }
  }

  @Test("A session ends with the certificate of its client", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func clientCertificateRunsOut(_ version: Int32) async throws {
    let shown = try CertificateMaker("DNS:client", issuer: authority, seconds: -60...2)
    let lastSecond = time(nil) + 2
    let context = try context(try clients(required: true))
    let client = try client { settings in
      settings.shows = shown
      settings.versions = version...version
    }
    let first = try Pair(context, client)
    try #require(first.handshake() == .done)
    first.clientRemembers()
    while time(nil) <= lastSecond { try await Task.sleep(for: .milliseconds(20)) }
    let second = try Pair(context, client)
    #expect(second.handshake() == .failed("certificate_has_expired"))
  }

  @Test("What is no handshake")
  func noHandshake() throws {
    let plain = try Pair(try context(), try client())
    plain.clientSendsPlain("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(plain.serverHandshake() == .failed("http_request"))
    let garbage = try Pair(try context(), try client())
    garbage.clientSendsPlain("garbage garbage garbage")
    #expect(garbage.serverHandshake() == .failed("wrong_version_number"))
    let gone = try Pair(try context(), try client())
    gone.clientCloses()
    #expect(gone.serverHandshake() == .left)
  }
}
