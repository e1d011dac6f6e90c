import Crypto
import JSON
import Reason
import Synchronization
import Testing
import Tokens

@testable import SignIn

@Suite("Tokens that a provider makes for this client (OpenID Connect Core 1.0 §3.1.3.7, Back-Channel Logout 1.0 §2.6)")
struct ProviderTokenTests {
  private let key: IssuerKey
  private let policy = TokenPolicy(
    provider: "company", issuer: "https://id.example", audiences: .oneOf(["orders"]), leewaySeconds: 0,
    ageMaxSeconds: 1)
  private static let now: UnixSeconds = 1_700_000_000
  private static let event = "http://schemas.openid.net/event/backchannel-logout"

  init() throws { key = try IssuerKey(try SigningKey.generate(.ellipticCurve(.p256)), algorithm: .es256) }

  /// The members of `base` with those of `changes` in their place; null: without it.
  private static func claims(_ base: [(String, JSONValue)], _ changes: [(String, JSONValue)]) -> JSONObject {
    var members = base.filter { member in !changes.contains { $0.0 == member.0 } }
    members += changes.filter { $0.1 != .null }
    return JSONObject(members.map { JSONObject.Member(name: $0.0, value: $0.1) }) ?? [:]
  }

  @Test("Each that is good is told of, and no other")
  func told() throws {
    let keys = Mutex<[String?]>([])
    let verified: @Sendable (VerifiedToken) -> Void = { token in keys.withLock { $0.append(token.keyName) } }
    let identities = IDTokenVerifier(policy, clientID: "shop", verified: verified)
    let logouts = LogoutTokenVerifier(policy, clientID: "shop", verified: verified)
    for nonce in ["n-0S6_WzA2Mj", "another"] {
      let token = try TokenMinter.mint(Self.claims(Self.identity, [("nonce", .string(nonce))]), type: "JWT", with: key)
      _ = try? identities.verify(
        String(decoding: token, as: UTF8.self), for: Self.sent, accessToken: "", keys: KeySet([key]),
        revocations: Revocations(), now: Self.now)
    }
    for events in [JSONValue.object([Self.event: .object([:])]), .null] {
      let claims = Self.claims(Self.logout, [("events", events)])
      _ = try? logouts.verify(
        TokenMinter.mint(claims, type: "logout+jwt", with: key), keys: KeySet([key]), revocations: Revocations(),
        now: Self.now)
    }
    #expect(keys.withLock { $0 } == [key.keyID, key.keyID])
  }

  // MARK: ID tokens

  private static let identity: [(String, JSONValue)] = [
    ("iss", .string("https://id.example")), ("sub", .string("alice")), ("aud", .string("shop")),
    ("exp", .integer(now + 60)), ("iat", .integer(now - 5)), ("nonce", .string("n-0S6_WzA2Mj")),
  ]
  private static let sent = IDTokenVerifier.Occasion.code(nonce: "n-0S6_WzA2Mj", stepUp: nil)

  private func verify(
    _ changes: [(String, JSONValue)] = [], type: String = "JWT", for occasion: IDTokenVerifier.Occasion = sent,
    keys: KeySet? = nil, revocations: Revocations = Revocations()
  ) throws -> Result<IDToken, CodeFlowFault> {
    let token = try TokenMinter.mint(Self.claims(Self.identity, changes), type: type, with: key)
    do throws(CodeFlowFault) {
      return .success(
        try IDTokenVerifier(policy, clientID: "shop").verify(
          String(decoding: token, as: UTF8.self), for: occasion,
          accessToken: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
          keys: keys ?? KeySet([key]), revocations: revocations, now: Self.now))
    } catch {
      return .failure(error)
    }
  }

  @Test("C-7: a good one; its age and the audiences of requests do not count")
  func good() throws {
    let token = try verify().get()
    #expect(token.subject == "alice")
    #expect(token.claims["nonce"] == .string("n-0S6_WzA2Mj"))
  }

  static let accepted: [[(String, JSONValue)]] = [
    [("aud", .array([.string("shop")]))], [("azp", .string("shop"))],
    [("aud", .array([.string("shop"), .string("other")])), ("azp", .string("shop"))],
    // The example of OpenID Connect Core 1.0 Appendix A.3, whose access token this is.
    [("at_hash", .string("77QmUPtjPfzWtF2AnpK9RQ"))],
  ]

  static let steps: [(asked: StepUp?, changes: [(String, JSONValue)], isMet: Bool)] = [
    (StepUp(authenticationAge: nil, contextClasses: ["b", "a"]), [("acr", .string("a"))], true),
    (StepUp(authenticationAge: nil, contextClasses: ["b", "a"]), [("acr", .string("c"))], false),
    (StepUp(authenticationAge: nil, contextClasses: ["a"]), [("acr", .array([.string("a")]))], false),
    (StepUp(authenticationAge: nil, contextClasses: ["a"]), [], false),
    (StepUp(authenticationAge: 60, contextClasses: []), [("auth_time", .integer(now - 60))], true),
    (StepUp(authenticationAge: 60, contextClasses: []), [("auth_time", .number(Double(now) - 59.5))], true),
    (StepUp(authenticationAge: 0, contextClasses: []), [("auth_time", .integer(now))], true),
    (StepUp(authenticationAge: 60, contextClasses: []), [("auth_time", .integer(now - 61))], false),
    (StepUp(authenticationAge: 60, contextClasses: []), [("auth_time", .integer(now + 1))], false),
    (StepUp(authenticationAge: 60, contextClasses: []), [("auth_time", .integer(.min))], false),
    (StepUp(authenticationAge: 60, contextClasses: []), [("auth_time", .string("\(now)"))], false),
    (StepUp(authenticationAge: 60, contextClasses: []), [], false),
    (StepUp(authenticationAge: 60, contextClasses: ["a"]), [("auth_time", .integer(now))], false),
    (StepUp(authenticationAge: 60, contextClasses: ["a"]), [("acr", .string("a"))], false),
    (
      StepUp(authenticationAge: 60, contextClasses: ["a"]), [("acr", .string("a")), ("auth_time", .integer(now))], true
    ),
  ]

  @Test("RFC 9470 §4: it says that they were authenticated as was asked", arguments: steps.indices)
  func steppedUp(index: Int) throws {
    let step = Self.steps[index]
    let asked = try #require(step.asked)
    switch try verify(step.changes, for: .code(nonce: "n-0S6_WzA2Mj", stepUp: asked)) {
    case .success: #expect(step.isMet)
    case .failure(.authenticationInsufficient): #expect(!step.isMet)
    case .failure(let fault): Issue.record("\(fault)")
    }
  }

  @Test("C-7: what else it may say", arguments: accepted)
  func accepts(changes: [(String, JSONValue)]) throws { #expect(try verify(changes).get().subject == "alice") }

  static let refused: [[(String, JSONValue)]] = [
    [("iss", .string("https://evil.example"))], [("iss", .null)], [("aud", .string("other"))], [("aud", .null)],
    [("aud", .array([]))], [("aud", .string("orders"))], [("aud", .array([.string("shop"), .string("other")]))],
    [("azp", .string("other"))], [("azp", .integer(7))], [("sub", .null)], [("sub", .string(""))], [("exp", .null)],
    [("exp", .integer(now))], [("iat", .null)], [("iat", .integer(now + 61))], [("nonce", .null)],
    [("nonce", .string("n-0S6_WzA2Mk"))], [("nonce", .string(""))], [("nonce", .integer(1))],
    [("at_hash", .string("77QmUPtjPfzWtF2AnpK9RR"))], [("at_hash", .string(""))], [("at_hash", .integer(1))],
  ]

  @Test("C-7: each fault alone is enough", arguments: refused)
  func refuses(changes: [(String, JSONValue)]) throws {
    guard case .failure(let fault) = try verify(changes) else {
      Issue.record("taken: \(changes)")
      return
    }
    #expect(fault.reason == .idTokenRefused)
  }

  @Test("RFC 8725 §3.12: an access token, or a logout token, is no ID token", arguments: ["at+jwt", "logout+jwt", "x"])
  func types(type: String) throws {
    guard case .failure(let fault) = try verify(type: type) else {
      Issue.record("taken")
      return
    }
    #expect(fault.reason == .idTokenRefused)
  }

  @Test("T-11: another's key; and a provider without keys is no fault of the token")
  func keys() throws {
    let other = try IssuerKey(try SigningKey.generate(.ellipticCurve(.p256)), algorithm: .es256)
    guard case .failure(let fault) = try verify(keys: KeySet([other])) else {
      Issue.record("taken")
      return
    }
    #expect(fault.reason == .idTokenRefused && fault.mayBeCuredByKeys)
    let token = try TokenMinter.mint(Self.claims(Self.identity, []), type: "JWT", with: key)
    do throws(CodeFlowFault) {
      _ = try IDTokenVerifier(policy, clientID: "shop").verify(
        String(decoding: token, as: UTF8.self), for: Self.sent, accessToken: "a", keys: nil, revocations: Revocations(),
        now: Self.now)
      Issue.record("taken")
    } catch {
      #expect(error.reason == .providerUnavailable && error.mayBeCuredByKeys)
    }
  }

  @Test("OpenID Connect Core 1.0 §12.2: with a refresh token, of the same user, and of no other sign-in")
  func refreshed() throws {
    let occasion = IDTokenVerifier.Occasion.refresh(subject: "alice", nonce: "n-0S6_WzA2Mj")
    #expect(try verify(for: occasion).get().subject == "alice")
    #expect(try verify([("nonce", .null)], for: occasion).get().subject == "alice")
    for changes: [(String, JSONValue)] in [[("sub", .string("bob"))], [("nonce", .string("other"))]] {
      guard case .failure = try verify(changes, for: occasion) else {
        Issue.record("taken: \(changes)")
        continue
      }
    }
  }

  @Test("T-16: what a revoked key has signed is no word of the provider's; a revoked user may still be signed out")
  func revoked() throws {
    var ofKey = Revocations()
    ofKey.insert(.keyID, key.keyID.utf8Span.span, provider: policy.provider)
    guard case .failure(let fault) = try verify(revocations: ofKey) else {
      Issue.record("taken")
      return
    }
    #expect(fault.reason == .idTokenRefused && !fault.mayBeCuredByKeys)
    #expect(try logout(revocations: ofKey) == nil)
    var ofAnother = Revocations()
    ofAnother.insert(.keyID, key.keyID.utf8Span.span, provider: "another")
    #expect(try verify(revocations: ofAnother).get().subject == "alice")
    #expect(try logout(revocations: ofAnother) != nil)
    var ofUser = Revocations()
    ofUser.insert(.subject, "alice".utf8Span.span, provider: policy.provider)
    #expect(try logout(revocations: ofUser)?.subject == "alice")
  }

  // MARK: Logout tokens

  private static let logout: [(String, JSONValue)] = [
    ("iss", .string("https://id.example")), ("aud", .string("shop")), ("exp", .integer(now + 60)),
    ("iat", .integer(now)), ("jti", .string("bWJq")), ("sub", .string("alice")), ("sid", .string("08a5019c")),
    ("events", .object([event: .object([:])])),
  ]

  private func logout(
    _ changes: [(String, JSONValue)] = [], type: String = "logout+jwt", revocations: Revocations = Revocations()
  ) throws -> LogoutToken? {
    let token = try TokenMinter.mint(Self.claims(Self.logout, changes), type: type, with: key)
    return try? LogoutTokenVerifier(policy, clientID: "shop").verify(
      token, keys: KeySet([key]), revocations: revocations, now: Self.now)
  }

  @Test("Whose sessions it ends")
  func whose() throws {
    #expect(
      try logout()
        == LogoutToken(
          sessionID: "08a5019c", subject: "alice", name: "alice", tokenID: "bWJq", issuedAt: Self.now,
          deadline: Self.now + 60))
    #expect(try logout([("sid", .null)])?.sessionID == nil)
    #expect(try logout([("sub", .null)])?.subject == nil)
    // Providers of before `typ` was recommended.
    #expect(try logout(type: "JWT") != nil)
  }

  static let noLogout: [[(String, JSONValue)]] = [
    [("iss", .string("https://evil.example"))], [("aud", .string("other"))], [("aud", .string("orders"))],
    [("exp", .null)], [("exp", .integer(now))], [("iat", .null)], [("iat", .integer(now - 301))],
    [("iat", .integer(now + 61))], [("jti", .null)], [("jti", .string(""))],
    [("jti", .string(String(repeating: "j", count: 257)))], [("events", .null)], [("events", .object([:]))],
    [("events", .array([.string(event)]))], [("events", .object([event: .bool(true)]))],
    [("sub", .null), ("sid", .null)], [("sid", .integer(1))], [("sub", .string(""))],
    [("nonce", .string("n"))],
  ]

  @Test("Each fault alone is enough", arguments: noLogout)
  func noLogoutToken(changes: [(String, JSONValue)]) throws { #expect(try logout(changes) == nil) }

  @Test("An ID token is none, nor an access token")
  func otherTokens() throws {
    for type in ["at+jwt", "dpop+jwt", "x"] { #expect(try logout(type: type) == nil) }
    let token = try TokenMinter.mint(Self.claims(Self.identity, []), type: "JWT", with: key)
    let verifier = LogoutTokenVerifier(policy, clientID: "shop")
    #expect((try? verifier.verify(token, keys: KeySet([key]), revocations: Revocations(), now: Self.now)) == nil)
  }
}
