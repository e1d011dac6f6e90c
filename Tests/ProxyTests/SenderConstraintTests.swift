import HTTP
import Reason
import Sockets
import Testing
import Tokens

@testable import Crypto
@testable import Proxy

@Suite("Sender-constrained tokens")
struct SenderConstraintTests {
  private let holder: ProofHolder

  init() throws { holder = try ProofHolder() }

  @Test("A bound token passes with a proof, each time with another, from the cache too")
  func proved() throws {
    for dpop in ["allowed", "required"] {
      let gateway = try DecidingGateway(dpop: dpop)
      let token = try holder.token()
      for turn in 0..<3 {
        let proof = try holder.proof(token, identifier: "\(turn)")
        #expect(try gateway.decide("GET /R", "Authorization: DPoP \(token)", "DPoP: \(proof)").reason == nil)
        #expect(
          try gateway.decide("GET /R", "Authorization: DPoP \(token)", "DPoP: \(proof)") == .refused(.proofReplayed))
      }
      #expect(gateway.context.tokens.count == 1)
      // Of the proofs' keys nothing stays, of the issuer's one does.
      #expect(gateway.context.signatures.preparedKeys == 1)
    }
  }

  @Test(
    "RFC 9449 §4.3: a proof is for the host of the route, whatever a client has a trusted proxy pass on",
    arguments: ["X-Forwarded-Host: evil.example", "Forwarded: for=192.0.2.1;host=evil.example"])
  func forwardedHost(line: String) throws {
    let gateway = try DecidingGateway(top: "trusted_proxies: [10.0.0.0/8]", dpop: "required")
    gateway.peer = Peer(AddressText("10.0.0.2"), port: 8080)
    let token = try holder.token()
    let proof = try holder.proof(token, identifier: "1")
    let decision = try gateway.decide(
      "GET /R", "X-Forwarded-For: 192.0.2.1", line, "Authorization: DPoP \(token)", "DPoP: \(proof)")
    #expect(decision.reason == nil)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let dpop: String
    let confirmation: String
    let lines: [String]
    let reason: Reason?
    var testDescription: String { "\(dpop) \(confirmation) \(lines): \(reason?.rawValue ?? "passes")" }
  }

  static let certificate = #""cnf":{"x5t#S256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#
  static let proof = "DPoP: PROOF"

  static let rows: [Row] = [
    Row(dpop: "off", confirmation: "", lines: ["Authorization: Bearer TOKEN"], reason: nil),
    Row(dpop: "off", confirmation: "", lines: ["Authorization: DPoP TOKEN"], reason: .proofInvalid),
    Row(dpop: "off", confirmation: "", lines: ["Authorization: DPoP TOKEN", proof], reason: .proofInvalid),
    Row(
      dpop: "off", confirmation: "", lines: ["Authorization: DPoP x", "Cookie: session=TOKEN"],
      reason: .tokenMalformed),
    Row(dpop: "off", confirmation: "KEY", lines: ["Authorization: Bearer TOKEN"], reason: .confirmationUnsupported),
    Row(
      dpop: "off", confirmation: "KEY", lines: ["Authorization: Bearer TOKEN", proof],
      reason: .confirmationUnsupported),
    Row(
      dpop: "off", confirmation: "KEY", lines: ["Authorization: DPoP TOKEN", proof], reason: .confirmationUnsupported),
    Row(dpop: "off", confirmation: "KEY", lines: ["Cookie: session=TOKEN", proof], reason: .confirmationUnsupported),
    Row(dpop: "off", confirmation: certificate, lines: ["Cookie: session=TOKEN"], reason: .certificateMismatch),
    Row(dpop: "off", confirmation: #""cnf":{}"#, lines: ["Cookie: session=TOKEN"], reason: .confirmationUnsupported),

    Row(dpop: "allowed", confirmation: "", lines: ["Authorization: Bearer TOKEN"], reason: nil),
    Row(dpop: "allowed", confirmation: "", lines: ["Authorization: Bearer TOKEN", "DPoP: x"], reason: nil),
    Row(dpop: "allowed", confirmation: "", lines: ["Cookie: session=TOKEN"], reason: nil),
    Row(dpop: "allowed", confirmation: "", lines: ["Authorization: DPoP TOKEN", proof], reason: .proofInvalid),
    Row(dpop: "allowed", confirmation: "", lines: ["Authorization: DPoP TOKEN"], reason: .proofInvalid),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoP TOKEN", proof], reason: nil),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["authorization: dpop   TOKEN", "dpop:PROOF"], reason: nil),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoP TOKEN"], reason: .proofMissing),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoP TOKEN", "DPoP:"], reason: .proofInvalid),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoP TOKEN", "DPoP: x"], reason: .proofInvalid),
    Row(
      dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoP TOKEN", proof, proof], reason: .proofInvalid),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["Authorization: Bearer TOKEN", proof], reason: .proofMissing),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["Cookie: session=TOKEN", proof], reason: nil),
    Row(dpop: "allowed", confirmation: "KEY", lines: ["Cookie: session=TOKEN"], reason: .proofMissing),
    Row(
      dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoP x", "Cookie: session=TOKEN", proof],
      reason: .tokenMalformed),
    Row(
      dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoP", "Cookie: session=TOKEN", proof],
      reason: .tokenMalformed),
    Row(
      dpop: "allowed", confirmation: "KEY", lines: ["Authorization: DPoPx TOKEN", "Cookie: session=TOKEN", proof],
      reason: nil),
    Row(
      dpop: "allowed", confirmation: certificate, lines: ["Authorization: Bearer TOKEN"],
      reason: .certificateMismatch),
    Row(
      dpop: "allowed", confirmation: certificate, lines: ["Authorization: DPoP TOKEN", proof],
      reason: .certificateMismatch),
    Row(
      dpop: "allowed", confirmation: #""cnf":{"kid":"a"}"#, lines: ["Authorization: DPoP TOKEN", proof],
      reason: .confirmationUnsupported),

    Row(dpop: "required", confirmation: "", lines: ["Authorization: Bearer TOKEN"], reason: .proofMissing),
    Row(dpop: "required", confirmation: "", lines: ["Cookie: session=TOKEN", proof], reason: .proofMissing),
    Row(dpop: "required", confirmation: "", lines: ["Authorization: DPoP TOKEN", proof], reason: .proofInvalid),
    Row(dpop: "required", confirmation: "KEY", lines: ["Authorization: DPoP TOKEN", proof], reason: nil),
    Row(dpop: "required", confirmation: "KEY", lines: ["Authorization: Bearer TOKEN", proof], reason: .proofMissing),
    Row(dpop: "required", confirmation: certificate, lines: ["Cookie: session=TOKEN"], reason: .certificateMismatch),
  ]

  @Test("RFC 9449 §7: what a provider believes, and from whom", arguments: rows)
  func believed(_ row: Row) throws {
    let gateway = try DecidingGateway(dpop: row.dpop)
    let confirmation = row.confirmation == "KEY" ? holder.confirmation : row.confirmation
    let token = try Issuer.token(confirmation)
    // Twice: the second time from the cache.
    for identifier in ["first", "second"] {
      let proof = try holder.proof(token, identifier: identifier)
      let lines = row.lines.map { $0.replacing("TOKEN", with: token).replacing("PROOF", with: proof) + "\r\n" }
      let decision = try gateway.send("GET /R HTTP/1.1\r\nHost: a.example\r\n\(lines.joined())\r\n")
      #expect(decision.reason == row.reason)
    }
  }

  @Test("A proof is for a method, a host and a path, and for now")
  func requests() throws {
    let gateway = try DecidingGateway(dpop: "allowed")
    let token = try holder.token()
    func decide(_ request: String, _ proof: String) throws -> Reason? {
      try gateway.decide(request, "Authorization: DPoP \(token)", "DPoP: \(proof)").reason
    }
    #expect(try decide("POST /R", holder.proof(token, identifier: "a")) == .proofInvalid)
    #expect(try decide("POST /R", holder.proof(token, identifier: "a", method: "POST")) == nil)
    #expect(try decide("GET /R", holder.proof(token, identifier: "b", target: "http://b.example/R")) == .proofInvalid)
    #expect(try decide("GET /R", holder.proof(token, identifier: "b", target: "https://a.example/R?x")) == nil)
    #expect(try decide("GET /%52?x=/other", holder.proof(token, identifier: "c")) == nil)
    let old = try holder.proof(token, identifier: "d", issuedAt: Issuer.now - 90)
    #expect(try decide("GET /R", old) == .proofInvalid)
    gateway.context.wallClockNanoseconds -= 1_000_000_000
    #expect(try decide("GET /R", old) == nil)
    #expect(try decide("GET /R", old) == .proofReplayed)
  }

  @Test("Where no more proofs can be remembered, none passes: 503, and no rights are looked at")
  func full() throws {
    let gateway = try DecidingGateway(dpop: "allowed", replays: ReplayMemory(proofsMax: 64) { _ in })
    let token = try holder.token()
    let reasons = try (0..<200).map { turn in
      let proof = try holder.proof(token, identifier: "\(turn)")
      return try gateway.decide("GET /R", "Authorization: DPoP \(token)", "DPoP: \(proof)").reason
    }
    #expect(reasons.contains(nil))
    #expect(reasons.last == .proofMemoryFull)
    #expect(gateway.challenge == nil)
    #expect(Set(reasons.compactMap(\.self)) == [.proofMemoryFull])
    #expect(try gateway.decide("GET /R", "Authorization: Bearer \(try Issuer.token())").reason == nil)
  }

  @Test("T-18: challenges offer what the route speaks, and say of a proof what they say of a token (RFC 9449 §7.1)")
  func challenges() throws {
    let algorithms = "algs=\"RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA\""
    let invalid = "error=\"invalid_token\""
    for (dpop, bearer, bad) in [("allowed", "Bearer, ", "Bearer \(invalid), "), ("required", "", "")] {
      let gateway = try DecidingGateway(dpop: dpop)
      let token = try holder.token()
      _ = try gateway.decide("GET /R")
      #expect(gateway.challenge == "\(bearer)DPoP \(algorithms)")
      for lines in [
        ["Authorization: DPoP x"], ["Authorization: DPoP \(token)"], ["Authorization: DPoP \(token)", "DPoP: x"],
      ] {
        _ = try gateway.send(
          "GET /R HTTP/1.1\r\nHost: a.example\r\n\(lines.map { $0 + "\r\n" }.joined())\r\n")
        #expect(gateway.challenge == "\(bad)DPoP \(invalid), \(algorithms)")
      }
    }
    let gateway = try DecidingGateway(dpop: "allowed")
    _ = try gateway.decide("GET /scoped", "Authorization: Bearer \(try Issuer.token())")
    let scope = "error=\"insufficient_scope\", scope=\"a b\""
    #expect(gateway.challenge == "Bearer \(scope), DPoP \(scope), \(algorithms)")
    let off = try DecidingGateway()
    _ = try off.decide("GET /R", "Authorization: Bearer \(try holder.token())")
    #expect(off.challenge == "Bearer \(invalid)")
    // Nobody reads Authorization.
    let cookies = try DecidingGateway(tokenFrom: "\"cookie:session\"", dpop: "required")
    _ = try cookies.decide("GET /R", "Authorization: DPoP \(try holder.token())")
    #expect(cookies.challenge == "Bearer")
  }

  @Test("A credential behind the scheme DPoP is one with `dpop: off` too: never anonymous, never forwarded")
  func schemeOfNobody() throws {
    let gateway = try DecidingGateway()
    for token in ["x", "", try Issuer.strangersToken()] {
      #expect(try gateway.decide("GET /optional", "Authorization: DPoP \(token)").reason != nil)
    }
    #expect(try gateway.decide("GET /optional", "Authorization: DPoP \(try Issuer.token())").reason == .proofInvalid)
    #expect(try gateway.decide("GET /both", "Authorization: DPoP \(try Issuer.token())").reason == .proofInvalid)
    let bound = try holder.token()
    #expect(try gateway.decide("GET /forwarding", "Authorization: DPoP \(bound)").reason == .confirmationUnsupported)
    #expect(gateway.challenge == "Bearer error=\"invalid_token\"")
  }

  @Test("I-6: proofs go upstream where tokens do, and where nobody is asked for any")
  func forwarded() throws {
    let gateway = try DecidingGateway(dpop: "allowed")
    let token = try holder.token()
    let authorization = "Authorization: DPoP \(token)"
    let removed = try gateway.forwarded("GET /R", authorization, "DPoP: \(try holder.proof(token))")
    #expect(removed.values("DPoP").isEmpty && removed.values("Authorization").isEmpty)
    let proof = try holder.proof(token, identifier: "two", target: "http://a.example/forwarding")
    let kept = try gateway.forwarded("GET /forwarding", authorization, "DPoP: \(proof)", "Connection: DPoP")
    #expect(kept.values("DPoP") == [proof] && kept.values("Authorization") == ["DPoP \(token)"])
    let own = try gateway.forwarded("GET /pub/a", "DPoP: x", "Authorization: DPoP y")
    #expect(own.values("DPoP") == ["x"] && own.values("Authorization") == ["DPoP y"])
    let bearer = try gateway.forwarded("GET /R", "Authorization: Bearer \(try Issuer.token())", "DPoP: x", "DPoP: y")
    #expect(bearer.values("DPoP").isEmpty)
    let anonymous = try gateway.forwarded("GET /optional", "DPoP: x")
    #expect(anonymous.values("DPoP").isEmpty)
    let off = try DecidingGateway()
    #expect(try off.forwarded("GET /optional", "DPoP: x").values("DPoP").isEmpty)
    let unbound = "Authorization: Bearer \(try Issuer.token())"
    #expect(try off.forwarded("GET /R", unbound, "DPoP: x", "DPoP: y").values("DPoP").isEmpty)
    #expect(try off.forwarded("GET /forwarding", unbound, "DPoP: x").values("DPoP") == ["x"])
    #expect(try off.forwarded("GET /pub/a", "DPoP: x").values("DPoP") == ["x"])
  }
}
