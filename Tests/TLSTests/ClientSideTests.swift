import COpenSSL
import Sockets
import Synchronization
import Testing

@testable import TLS

@Suite("The client's side")
struct ClientSideTests {
  let authority: CertificateMaker
  let server: CertificateMaker

  init() throws {
    Process.ignore(signal: 13)
    authority = try CertificateMaker(nil)
    server = try CertificateMaker("DNS:a.example,DNS:*.w.example,DNS:b*.example,IP:127.0.0.1,IP:::1", issuer: authority)
  }

  private func settings(_ trusted: CertificateMaker? = nil, shows: CertificateMaker? = nil) throws
    -> TLSClientContext.Settings
  {
    TLSClientContext.Settings(
      authorities: try ServerAuthorities(pem: (trusted ?? authority).pem),
      certificate: try shows.map { try CertifiedKey(chainPEM: $0.pem, keyPEM: $0.keyPEM) })
  }

  private func serverContext(
    _ maker: CertificateMaker? = nil, clients: TLSContext.Clients? = nil, minimum: TLSVersion = .tls12,
    tickets: TicketKeys = TicketKeys()
  ) throws -> TLSContext {
    let maker = maker ?? server
    let certificate = try ServerCertificate(chainPEM: maker.pem, keyPEM: maker.keyPEM)
    return try TLSContext(
      TLSContext.Settings(certificates: [certificate], clients: clients, minimum: minimum, name: "one"),
      tickets: tickets)
  }

  private func pair(
    _ context: TLSContext, _ host: String = "a.example", _ client: TLSClientContext? = nil,
    _ sessions: ResumableSessions = ResumableSessions()
  ) throws -> OwnPair {
    try OwnPair(context, try client ?? TLSClientContext(try settings()), host, sessions)
  }

  @Test(
    "U-7: the certificate is for the host, or there is no connection",
    arguments: [
      ("a.example", true), ("A.EXAMPLE", true), ("x.w.example", true), ("127.0.0.1", true), ("::1", true),
      ("0:0:0:0:0:0:0:1", true), ("b.example", false), ("w.example", false), ("x.y.w.example", false),
      ("bc.example", false), ("127.0.0.2", false), ("::2", false), ("a name that says nothing", false),
    ])
  func hosts(host: String, isGood: Bool) throws {
    let pair = try pair(try serverContext(), host)
    let (_, step) = pair.handshake()
    if isGood {
      #expect(step == .done)
    } else {
      #expect([.failed("hostname_mismatch"), .failed("ip_address_mismatch")].contains(step))
    }
  }

  @Test("U-7: the chain leads to an authority that is believed, and the certificate is in its time")
  func chains() throws {
    let others = try TLSClientContext(try settings(try CertificateMaker("DNS:other")))
    #expect(
      try pair(try serverContext(), "a.example", others).handshake().1
        == .failed("unable_to_get_local_issuer_certificate"))
    for (seconds, why) in [
      (-60 ... -30, "certificate_has_expired"), (30...60, "certificate_is_not_yet_valid"),
    ] as [(ClosedRange<Int>, String)] {
      let late = try CertificateMaker("DNS:a.example", issuer: authority, seconds: seconds)
      #expect(try pair(try serverContext(late)).handshake().1 == .failed(why))
    }
    let itself = try CertificateMaker("DNS:a.example")
    #expect(try pair(try serverContext(itself)).handshake().1 == .failed("self_signed_certificate"))
    let believing = try TLSClientContext(try settings(itself))
    #expect(try pair(try serverContext(itself), "a.example", believing).handshake().1 == .done)
    // The server's own certificate, as it was signed by another, is believed where it is named.
    let pinning = try TLSClientContext(try settings(server))
    #expect(try pair(try serverContext(), "a.example", pinning).handshake().1 == .done)
  }

  @Test("Authorities are at least one, and equal where they are the same")
  func authorities() throws {
    #expect(throws: TLSFault.noCertificate) { try ServerAuthorities(pem: Array("nothing".utf8)) }
    let broken = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
    #expect(throws: TLSFault.chainInvalid) { try ServerAuthorities(pem: authority.pem + broken) }
    #expect(try settings() == settings())
    #expect(try settings() != settings(server))
    #expect(try settings() != settings(shows: server))
    #expect(try settings() != TLSClientContext.Settings(authorities: try ServerAuthorities()))
  }

  @Test("A certificate is shown to who asks for one", arguments: [TLSVersion.tls12, .tls13])
  func certificates(_ minimum: TLSVersion) throws {
    let clients = TLSContext.Clients(authorities: try ClientAuthorities(pem: authority.pem), areRequired: true)
    let context = try serverContext(clients: clients, minimum: minimum)
    // No name of a host is needed.
    let shown = try CertificateMaker("", issuer: authority)
    let good = try pair(context, "a.example", try TLSClientContext(try settings(shows: shown)))
    #expect(good.handshake() == (.done, .done))
    #expect(good.serverSeesThumbprint == shown.thumbprint)
    let none = try pair(context)
    let (server, client) = none.handshake()
    #expect(server == .failed("peer_did_not_return_a_certificate"))
    // A client of TLS 1.3 hears of it behind its handshake.
    #expect(client == .done)
    #expect(none.clientReads().0 == .failed(71))
    #expect(none.clientFailure == "tlsv13_alert_certificate_required")
    #expect(!none.clientIsCut)
  }

  @Test("A session goes on, and one of TLS 1.3 once", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func sessions(_ version: Int32) throws {
    let context = try serverContext()
    let client = try TLSClientContext(try settings())
    unsafe SSL_CTX_ctrl(client.context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
    let sessions = ResumableSessions()
    let first = try pair(context, "a.example", client, sessions)
    #expect(first.handshake() == (.done, .done))
    #expect(!first.clientIsResumed)
    _ = first.clientReads()
    let given = sessions.count
    #expect(given == (version == TLS1_3_VERSION ? 2 : 1))
    let second = try pair(context, "a.example", client, sessions)
    #expect(sessions.count == (version == TLS1_3_VERSION ? given - 1 : given))
    #expect(second.handshake() == (.done, .done))
    #expect(second.clientIsResumed && second.serverIsResumed)
    _ = second.clientReads()
    for _ in 0..<10 {
      let next = try pair(context, "a.example", client, sessions)
      #expect(next.handshake() == (.done, .done))
      #expect(next.clientIsResumed)
      _ = next.clientReads()
    }
    #expect(sessions.count <= ResumableSessions.countMax)
    // Those of others are not looked at.
    let other = try pair(context, "a.example", client, ResumableSessions())
    #expect(other.handshake() == (.done, .done))
    #expect(!other.clientIsResumed)
  }

  @Test("The certificate is looked at again in time, however often a session went on")
  func ages() throws {
    let clock = TestClock()
    let sessions = ResumableSessions(clock: { clock.now })
    let context = try serverContext()
    let client = try TLSClientContext(try settings())
    func goesOn() throws -> Bool {
      let pair = try pair(context, "a.example", client, sessions)
      #expect(pair.handshake() == (.done, .done))
      _ = pair.clientReads()
      return pair.clientIsResumed
    }
    #expect(try !goesOn())
    for _ in 0..<11 {
      clock.now += 3600
      #expect(try goesOn())
    }
    clock.now += 3600
    #expect(try !goesOn())
    clock.now += SessionAge.max - 1
    #expect(try goesOn())
    // A clock that was set back says nothing.
    clock.now -= SessionAge.max
    #expect(try !goesOn())
  }

  @Test("A client's certificate is looked at again in time", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func agesOfClients(_ version: Int32) throws {
    let clock = TestClock()
    let clients = TLSContext.Clients(authorities: try ClientAuthorities(pem: authority.pem), areRequired: true)
    let certificate = try ServerCertificate(chainPEM: server.pem, keyPEM: server.keyPEM)
    let context = try TLSContext(
      TLSContext.Settings(certificates: [certificate], clients: clients, name: "one"), tickets: TicketKeys(),
      clock: { clock.now })
    let client = try TLSClientContext(try settings(shows: try CertificateMaker("", issuer: authority)))
    unsafe SSL_CTX_ctrl(client.context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
    // The client forgets nothing.
    let sessions = ResumableSessions(clock: { 0 })
    func goesOn() throws -> Bool {
      let pair = try pair(context, "a.example", client, sessions)
      #expect(pair.handshake() == (.done, .done))
      _ = pair.clientReads()
      #expect(pair.serverSeesThumbprint != nil)
      return pair.serverIsResumed
    }
    #expect(try !goesOn())
    for _ in 0..<11 {
      clock.now += 3600
      #expect(try goesOn())
    }
    clock.now += 3600
    #expect(try !goesOn())
    clock.now += SessionAge.max - 1
    #expect(try goesOn())
  }

  @Test("U-6: an end without close_notify is none", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func ends(_ version: Int32) throws {
    let client = try TLSClientContext(try settings())
    unsafe SSL_CTX_ctrl(client.context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
    let said = try pair(try serverContext(), "a.example", client)
    #expect(said.handshake() == (.done, .done))
    #expect(said.serverEnds())
    #expect(said.clientReads().0 == .end)
    let cut = try pair(try serverContext(), "a.example", client)
    #expect(cut.handshake() == (.done, .done))
    cut.serverCloses()
    #expect(cut.clientReads().0 == .failed(71))
    #expect(cut.clientIsCut && cut.clientFailure == nil)
    #expect(cut.clientEnds())
  }

  @Test("What is no handshake fails it")
  func garbage() throws {
    for said in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
      let pair = try pair(try serverContext())
      #expect(pair.clientHandshake() == .wouldBlock)
      pair.serverSaysInClear(said)
      pair.serverCloses()
      #expect(pair.clientHandshake() == .failed("wrong_version_number"))
    }
    // A server that closes is no client that looks whether the port is open.
    let pair = try pair(try serverContext())
    #expect(pair.clientHandshake() == .wouldBlock)
    pair.serverCloses()
    guard case .failed = pair.clientHandshake() else {
      Issue.record("it did not fail")
      return
    }
  }
}

/// The time of day, as a test says it.
final class TestClock: Sendable {
  private let seconds = Atomic(1_000_000_000)

  var now: Int {
    get { seconds.load(ordering: .relaxed) }
    set { seconds.store(newValue, ordering: .relaxed) }
  }
}

/// Both sides of this module on the two ends of a socket pair.
final class OwnPair {
  private var server: TLSSession
  private var client: TLSSession
  private var serverSocket: Socket
  private let clientSocket: Socket

  init(_ context: TLSContext, _ clientContext: TLSClientContext, _ host: String, _ sessions: ResumableSessions) throws {
    var far: Socket?
    let near = try Socket.pair().giveFar { socket in far = consume socket }
    guard let clientSocket = far.take() else { throw MakingFailed() }
    server = try TLSSession(context, on: near)
    client = try TLSSession(clientContext, to: host, sessions, on: clientSocket)
    serverSocket = consume near
    self.clientSocket = consume clientSocket
  }

  /// Drives both sides until each is done, or has failed.
  func handshake() -> (server: HandshakeStep, client: HandshakeStep) {
    var steps = (server: HandshakeStep.wouldBlock, client: HandshakeStep.wouldBlock)
    for _ in 0..<20 {
      if steps.client == .wouldBlock { steps.client = client.handshake() }
      if steps.server == .wouldBlock { steps.server = server.handshake() }
    }
    return steps
  }

  func clientReads() -> (IOResult, [UInt8]) {
    var buffer = Buffer(capacity: 32_768)
    let result = client.read(into: &buffer)
    return (result, buffer.withReadable { bytes in bytes.indices.map { bytes[$0] } })
  }

  func clientHandshake() -> HandshakeStep { client.handshake() }
  var clientIsResumed: Bool { client.isResumed }
  var clientFailure: String? { client.failure }
  var clientIsCut: Bool { client.isCut }
  func clientEnds() -> Bool { client.end() }
  var serverIsResumed: Bool { server.isResumed }
  var serverSeesThumbprint: [UInt8]? { server.clientCertificateThumbprint }
  func serverEnds() -> Bool { server.end() }
  func serverCloses() { serverSocket.close() }

  func serverSaysInClear(_ text: String) {
    var buffer = Buffer(capacity: 4096)
    buffer.append(Array(text.utf8))
    _ = serverSocket.write(&buffer)
  }
}
