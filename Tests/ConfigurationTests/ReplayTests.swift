import Access
import HTTP
import Reason
import Testing
import Tokens

@testable import Configuration

@Suite("Replay")
struct ReplayTests {
  private static let text = """
    listeners: [{ address: 127.0.0.1:8080 }]
    providers:
      company:
        { issuer: https://id.example.com, audiences: [a], jwks_url: https://id.example.com/jwks, claims: { roles: r.x } }
      other: { issuer: https://other.example.com, audiences: [a], jwks_url: https://other.example.com/jwks }
      twin: { issuer: https://id.example.com, audiences: [b], jwks_url: https://id.example.com/jwks }
    upstreams: { echo: { builtin: echo } }
    routes:
      - { path: /open, auth: none, upstream: echo }
      - { path: /login, auth: company, upstream: echo }
      - { path: /maybe, auth: company, anonymous: allow, upstream: echo }
      - { path: /admin, auth: company, require: { roles: [admin] }, upstream: echo }
      - { path: /new, auth: company, require: { max_age: 1h, claims: { tenant: acme } }, upstream: echo }
      - { path: "/users/{id}", auth: company, require: { owner: { path: id, claim: sub } }, upstream: echo }
      - { path: /near, auth: company, clients: { allow: [192.0.2.0/24] }, upstream: echo }
      - { path: /move/**, auth: none, upstream: echo, rewrite: /**, double_slashes: keep }
      - path: /tried
        auth: company
        require: { claims: { tenant: acme } }
        try: { require: { claims: { plan: pro } } }
        upstream: echo
      - { path: /share, auth: company, try: { require: { claims: { plan: pro } }, enforce: 50% }, upstream: echo }
    """

  private func outcome(
    _ path: String, _ sender: (Replay) throws -> Replay.Sender, method: String = "GET", isSubjectCut: Bool = false
  ) throws -> Replay.Outcome {
    let replay = Replay(try configuration(Self.text))
    let request = Replay.Request(
      sender: try sender(replay), client: IPAddress("192.0.2.1"), time: 10_000, wasForwarded: false,
      isSubjectCut: isSubjectCut)
    return replay.decide(request, replay.evaluator.route(EvaluatedRequest(method: method, host: "a", target: path)))
  }

  private func known(_ claims: String, _ provider: String = "company") -> (Replay) throws -> Replay.Sender {
    { replay in
      let set = replay.claims(Array(claims.utf8).span, subject: nil, provider: provider)
      return .known(provider: provider, claims: .logged(try #require(set)))
    }
  }

  @Test("Whoever is known is decided by the rule, as the request is on the wire")
  func known() throws {
    let admin = known(#"{"r":{"x":["admin"]},"sub":"alice"}"#)
    #expect(try outcome("/admin", admin) == .decided(.allowed(route: 3)))
    #expect(try outcome("/admin", known(#"{"r":{"x":null}}"#)) == .decided(.refused(.roleMissing, route: 3)))
    #expect(try outcome("/admin", known(#"{"r":null}"#)) == .decided(.refused(.roleMissing, route: 3)))
    #expect(try outcome("/users/alice", admin) == .decided(.allowed(route: 5)))
    #expect(try outcome("/users/bob", admin) == .decided(.refused(.ownerMismatch, route: 5)))
    #expect(try outcome("/nowhere", admin) == .decided(.refused(.noRoute, route: nil)))
    #expect(try outcome("/a/../admin", admin) == .decided(.refused(.pathDotSegment, route: nil)))
    // At the time of the request.
    #expect(
      try outcome("/new", known(#"{"tenant":"acme","auth_time":7000}"#)) == .decided(.allowed(route: 4)))
    #expect(
      try outcome("/new", known(#"{"tenant":"acme","auth_time":6000}"#))
        == .decided(.refused(.authenticationTooOld, route: 4)))
    #expect(try outcome("/near", admin) == .decided(.allowed(route: 6)))
    #expect(try outcome("/move/a", admin) == .decided(.allowed(route: 7)))
  }

  @Test("What is tried for nobody leaves no request undecided; of a share the verdict depends on it")
  func tried() throws {
    #expect(try outcome("/tried", known(#"{"tenant":"acme"}"#)) == .decided(.allowed(route: 8)))
    #expect(
      try outcome("/tried", known(#"{"tenant":"acme","plan":"free"}"#))
        == .decided(.allowed(route: 8, unenforced: .claimMismatch)))
    #expect(try outcome("/tried", known(#"{"tenant":"acme","plan":"pro"}"#)) == .decided(.allowed(route: 8)))
    #expect(try outcome("/tried", known(#"{"tenant":"x"}"#)) == .decided(.refused(.claimMismatch, route: 8)))
    #expect(try outcome("/tried", known(#"{"plan":"pro"}"#)) == .undecided(.claimUnlogged))
    #expect(try outcome("/share", known(#"{"tenant":"acme"}"#)) == .undecided(.claimUnlogged))
  }

  @Test("By a part of a subject nobody is among those for whom something is enforced")
  func cutSubject() throws {
    for (path, claims, decided) in [
      ("/share", #"{"plan":"free"}"#, Replay.Outcome.undecided(.cut)),
      ("/share", #"{"plan":"pro"}"#, .decided(.allowed(route: 9))),
      ("/login", #"{}"#, .decided(.allowed(route: 1))),
      ("/tried", #"{"tenant":"acme","plan":"x"}"#, .decided(.allowed(route: 8, unenforced: .claimMismatch))),
    ] {
      #expect(try outcome(path, known(claims), isSubjectCut: true) == decided, "\(path) \(claims)")
    }
  }

  @Test("What the log does not say is not guessed")
  func gaps() throws {
    #expect(try outcome("/admin", known(#"{"sub":"alice"}"#)) == .undecided(.claimUnlogged))
    #expect(try outcome("/admin", known(#"{"r":{"y":1}}"#)) == .undecided(.claimUnlogged))
    #expect(
      try outcome("/admin") { _ in .known(provider: "company", claims: .unlogged) } == .undecided(.claimsUnlogged))
    #expect(
      try outcome("/admin") { _ in .known(provider: "company", claims: .tooLarge) } == .undecided(.claimsTooLarge))
    #expect(try outcome("/admin") { _ in .unasked } == .undecided(.unasked))
    #expect(try outcome("/maybe") { _ in .unasked } == .undecided(.unasked))
    #expect(try outcome("/admin") { _ in .known(provider: "gone", claims: .unlogged) } == .undecided(.providerUnknown))
    #expect(try outcome("/admin", known("{}", "twin")) == .undecided(.providerUnknown))
    #expect(
      try outcome("/admin") { _ in .refused(.tokenExpired, provider: "other") }
        == .undecided(.refusedBefore(.tokenExpired)))
    #expect(
      try outcome("/admin") { _ in .refused(.tokenMalformed, provider: nil) }
        == .undecided(.refusedBefore(.tokenMalformed)))
  }

  @Test("What no claim is needed for is decided without")
  func withoutClaims() throws {
    #expect(try outcome("/open") { _ in .unasked } == .decided(.allowed(route: 0)))
    #expect(try outcome("/open") { _ in .refused(.tokenExpired, provider: nil) } == .decided(.allowed(route: 0)))
    #expect(
      try outcome("/login") { _ in .known(provider: "company", claims: .unlogged) } == .decided(.allowed(route: 1)))
    #expect(
      try outcome("/admin") { _ in .known(provider: "other", claims: .unlogged) }
        == .decided(.refused(.issuerUnknown, route: 3)))
    #expect(try outcome("/admin") { _ in .anonymous } == .decided(.refused(.credentialMissing, route: 3)))
    #expect(try outcome("/maybe") { _ in .anonymous } == .decided(.allowed(route: 2)))
    #expect(
      try outcome("/admin") { _ in .refused(.tokenExpired, provider: "company") }
        == .decided(.refused(.tokenExpired, route: 3)))
    #expect(try outcome("/nowhere") { _ in .unasked } == .decided(.refused(.noRoute, route: nil)))
  }

  @Test("Claims are those that the log has written, and nothing else")
  func malformed() throws {
    let replay = Replay(try configuration(Self.text))
    func claims(_ text: String, _ provider: String) -> ClaimsSet? {
      replay.claims(Array(text.utf8).span, subject: nil, provider: provider)
    }
    for text in ["", "…", "[]", "7", #"{"a":1,"a":2}"#, #"{"a":"#] {
      #expect(claims(text, "company").map { _ in true } == nil, "\(text)")
    }
    #expect(claims("{}", "gone").map { _ in true } == nil)
  }
}
