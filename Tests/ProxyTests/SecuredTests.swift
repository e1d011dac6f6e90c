import Reason
import Sockets
import TLS
import Testing

@testable import Proxy

@Suite("Requests on a TLS connection")
struct SecuredTests {
  private func gateway(
    _ names: [String] = ["a.example"], clientCertificate: [UInt8]? = nil, dpop: String = "off"
  ) throws -> DecidingGateway {
    let gateway = try DecidingGateway(dpop: dpop)
    gateway.secured = SecuredConnection(
      names: CertificateNames(names: names), thumbprint: clientCertificate)
    return gateway
  }

  @Test("P-15: a host that the certificate does not cover is refused before anything else of it is decided")
  func hosts() throws {
    #expect(try gateway(["b.example", "*.a.example"]).decide("GET /pub/x").reason == .hostNotCovered)
    #expect(try gateway(["*.example"]).forwarded("GET /pub/x").requestLine == "GET /pub/x HTTP/1.1")
    #expect(try gateway().decide("GET /nowhere").reason == .noRoute)
    // In clear there is no certificate.
    #expect(try DecidingGateway().decide("GET /nowhere").reason == .noRoute)
  }

  @Test("The upstream is told that the client speaks https")
  func forwardedProto() throws {
    #expect(try gateway().forwarded("GET /pub/x", "X-Forwarded-Proto: http").values("X-Forwarded-Proto") == ["https"])
    #expect(try DecidingGateway().forwarded("GET /pub/x").values("X-Forwarded-Proto") == ["http"])
  }

  @Test("A token that is bound to a certificate passes where that was shown (RFC 8705)")
  func boundToCertificate() throws {
    let thumbprint = [UInt8](repeating: 7, count: 32)
    let token = try Issuer.token("\"cnf\":{\"x5t#S256\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\"}")
    let fields = "Authorization: Bearer \(token)"
    let holder = try gateway(clientCertificate: thumbprint)
    for _ in 0..<2 { #expect(try holder.decide("GET /R", fields).reason == nil) }
    // Also where the token is remembered.
    holder.secured = SecuredConnection(names: CertificateNames(names: ["a.example"]), thumbprint: nil)
    #expect(try holder.decide("GET /R", fields).reason == .certificateMismatch)
    let other = [UInt8](repeating: 8, count: 32)
    #expect(try gateway(clientCertificate: other).decide("GET /R", fields).reason == .certificateMismatch)
    #expect(try DecidingGateway().decide("GET /R", fields).reason == .certificateMismatch)
    // What a trusted proxy shows is its own.
    let proxied = try DecidingGateway(top: "trusted_proxies: [10.0.0.0/8]")
    proxied.secured = SecuredConnection(names: CertificateNames(names: ["a.example"]), thumbprint: thumbprint)
    proxied.peer = Peer(AddressText("10.0.0.2"), port: 8080)
    #expect(try proxied.decide("GET /R", fields, "X-Forwarded-For: 192.0.2.1").reason == .certificateMismatch)
    // A certificate binds no token that says nothing of one.
    let free = "Authorization: Bearer \(try Issuer.token())"
    #expect(try gateway(clientCertificate: other).decide("GET /R", free).reason == nil)
  }
}
