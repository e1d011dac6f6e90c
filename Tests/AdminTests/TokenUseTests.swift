import JSON
import Telemetry
import Testing
import Tokens

@testable import Admin

@Suite("What is said of keys, and of what tokens have")
struct TokenUseTests {
  private static let day: Int64 = 86_400
  private static let now: UnixSeconds = 1_800_000_000
  private static let since = now - 10 * day

  private static func kind(
    _ key: String?, _ algorithm: SignatureAlgorithm = .es256, audience: String? = nil, saysType: Bool = true
  ) -> TokenCensus.Kind {
    TokenCensus.Kind(
      provider: "company", issuer: "https://id.example", key: key, algorithm: algorithm, audience: audience,
      saysType: saysType)
  }

  /// - Parameter lives: For how long the tokens are good from then on.
  private static func census(
    _ arrivals: [(TokenCensus.Kind, at: UnixSeconds, lives: Int64, TokenPlace)]
  ) -> TokenCensus {
    var census = TokenCensus(since: since)
    for (kind, time, lives, place) in arrivals {
      let arrival = TokenArrival(place: place, issuedAt: time, expiresAt: time + lives, now: time)
      _ = census.count(arrival, known: .none) { kind }
    }
    return census
  }

  private static func remarks(_ uses: [TokenUse]) -> [String] {
    uses.map { "\($0.aspect.rawValue) \($0.value ?? "secret"): \($0.use.count) \($0.remark.map(\.text) ?? "used")" }
  }

  private static func keys(_ keys: (String, firstSeenAt: UnixSeconds)...) -> AcceptedTokens {
    var accepted = AcceptedTokens()
    accepted.keys = keys.map { AcceptedTokens.Key(name: $0.0, firstSeenAt: $0.firstSeenAt) }
    return accepted
  }

  private static func all(_ accepted: AcceptedTokens, _ census: TokenCensus) -> [TokenUse] {
    TokenUse.all(of: accepted, census.kinds, since: since, now: now)
  }

  @Test("A key can go where no token of it is good any more, others sign, and nobody came with one for a day")
  func keys() {
    let accepted = Self.keys(
      ("quiet", Self.since), ("alive", Self.since), ("recent", Self.since), ("used", Self.since),
      ("never", Self.since), ("new", Self.now - Self.day))
    let census = Self.census([
      (Self.kind("quiet"), Self.now - 2 * Self.day, 3600, .bearer),
      (Self.kind("alive"), Self.now - 2 * Self.day, 5 * Self.day, .bearer),
      (Self.kind("recent"), Self.now - Self.day / 2, 60, .bearer),
      (Self.kind("used"), Self.now - 5, 3600, .bearer),
      (Self.kind("gone"), Self.now - 5, 3600, .bearer),
    ])
    #expect(
      Self.remarks(Self.all(accepted, census)) == [
        "key quiet: 1 unused since 2027-01-13T08:00:00Z: can go", "key alive: 1 used", "key recent: 1 used",
        "key used: 1 used", "key never: 0 unused since 2027-01-05T08:00:00Z: can go", "key new: 0 not used yet",
      ])
  }

  @Test("Where nothing is used nothing can go, and the key that was used last stays")
  func quiet() {
    let two = Self.keys(("a", Self.since), ("b", Self.since))
    #expect(
      Self.remarks(Self.all(two, Self.census([]))) == [
        "key a: 0 unused since 2027-01-05T08:00:00Z", "key b: 0 unused since 2027-01-05T08:00:00Z",
      ])
    let census = Self.census([
      (Self.kind("a"), Self.now - 6 * Self.day, 60, .bearer), (Self.kind("b"), Self.now - 5 * Self.day, 60, .bearer),
    ])
    #expect(
      Self.remarks(Self.all(two, census)) == ["key a: 1 unused since 2027-01-09T08:00:00Z: can go", "key b: 1 used"])
    // It began to count a minute ago.
    let uses = TokenUse.all(of: two, census.kinds, since: Self.now - 60, now: Self.now)
    #expect(uses[1].remark == nil)
    let never = TokenUse.all(of: Self.keys(("c", 0), ("b", 0)), census.kinds, since: Self.now - 60, now: Self.now)
    #expect(never[0].remark == .unused(since: Self.now - 60))
  }

  @Test("What is accepted since a reload is unused since then, however long counting goes on")
  func reloads() {
    var before = Self.keys(("a", Self.since))
    before.audiences = ["orders", "old"]
    before.algorithms = [.es256, .rs256]
    before.places = [.bearer, .cookie]
    let census = Self.census([(Self.kind("a", audience: "orders"), Self.now - 1, 60, .bearer)])
    func reloaded(_ before: AcceptedTokens?, at time: UnixSeconds) -> [String] {
      var after = Self.keys(("a", Self.since), ("b", 0))
      after.audiences = ["orders", "old", "new"]
      after.algorithms = [.es256, .rs256, .ps256]
      after.places = [.bearer, .cookie, .dpop]
      after.replace(before, at: time)
      // The same once more changes nothing.
      var again = after
      again.replace(after, at: Self.now)
      #expect(Self.remarks(Self.all(again, census)) == Self.remarks(Self.all(after, census)))
      return Self.remarks(Self.all(after, census))
    }
    let long = "unused since 2027-01-05T08:00:00Z: can go"
    let justNow = "unused since 2027-01-15T07:59:58Z"
    #expect(
      reloaded(before, at: Self.now - 2) == [
        "key a: 1 used", "key b: 0 \(long)", "algorithm ES256: 1 used", "algorithm RS256: 0 \(long)",
        "algorithm PS256: 0 \(justNow)", "audience orders: 1 used", "audience old: 0 \(long)",
        "audience new: 0 \(justNow)", "place bearer: 1 used", "place cookie: 0 \(long)", "place dpop: 0 \(justNow)",
      ])
    // Another provider of that name.
    #expect(reloaded(nil, at: Self.now - 2).filter { $0.contains("can go") } == [])
    #expect(reloaded(nil, at: Self.now - 2)[1] == "key b: 0 \(justNow)")
    // A key that was published a moment ago and has been seen before none that is used.
    let keys = Self.keys(("a", Self.now), ("c", Self.now - 2), ("early", Self.now + 3600))
    #expect(Self.remarks(Self.all(keys, census)).dropFirst() == ["key c: 0 \(justNow)", "key early: 0 not used yet"])
    // Others that were used before it came do not replace it.
    var quiet = before
    quiet.audiences = ["orders", "new"]
    quiet.replace(before, at: Self.now - 2 * Self.day)
    let earlier = Self.census([(Self.kind("a", audience: "orders"), Self.now - 3 * Self.day, 60, .bearer)])
    #expect(
      Self.remarks(Self.all(quiet, earlier)).filter { $0.hasPrefix("audience") } == [
        "audience orders: 1 used", "audience new: 0 unused since 2027-01-13T08:00:00Z",
      ])
  }

  @Test("A key that verifies what people sign in with is used, and a week passes until it is called unused")
  func codeFlow() {
    var accepted = Self.keys(("identity", Self.since), ("access", Self.since))
    accepted.audiences = ["orders", "shop"]
    accepted.places = [.bearer, .cookie]
    accepted.hasCodeFlow = true
    func remarks(daysAgo: Int64) -> [String] {
      let census = Self.census([
        (Self.kind("access", audience: "orders"), Self.now - 1, 60, .bearer),
        (Self.kind("identity"), Self.now - daysAgo * Self.day, 60, .codeFlow),
      ])
      return Self.remarks(Self.all(accepted, census))
    }
    #expect(
      remarks(daysAgo: 6) == [
        "key identity: 1 used", "key access: 1 used", "audience orders: 1 used",
        "audience shop: 0 unused since 2027-01-05T08:00:00Z: can go", "place bearer: 1 used",
        "place cookie: 0 unused since 2027-01-05T08:00:00Z: can go",
      ])
    #expect(remarks(daysAgo: 8)[0] == "key identity: 1 unused since 2027-01-07T08:00:00Z: can go")
  }

  @Test("Audiences, algorithms and places are told apart where there are several, and what tokens lack")
  func choices() {
    var accepted = Self.keys(("a", Self.since))
    accepted.algorithms = [.es256, .rs256]
    accepted.audiences = ["orders", "old"]
    accepted.places = [.bearer, .cookie]
    let census = Self.census([
      (Self.kind("a", audience: "orders"), Self.now - 9, 60, .bearer),
      (Self.kind("a", audience: "orders"), Self.now - 8, 60, .cookie),
      (Self.kind("a", audience: "old", saysType: false), Self.now - 3 * Self.day, 60, .bearer),
    ])
    #expect(
      Self.remarks(Self.all(accepted, census)) == [
        "key a: 3 used", "algorithm ES256: 3 used", "algorithm RS256: 0 unused since 2027-01-05T08:00:00Z: can go",
        "audience orders: 2 used", "audience old: 1 unused since 2027-01-12T08:00:00Z: can go",
        "place bearer: 2 used", "place cookie: 1 used", "without typ: 1 used",
      ])
    // One alone is no choice; algorithms that the keys decide are those that came.
    accepted.algorithms = []
    accepted.audiences = ["orders"]
    accepted.places = [.bearer]
    let both = Self.census([
      (Self.kind("a"), Self.now, 60, .bearer), (Self.kind("a", .rs256), Self.now, 60, .bearer),
    ])
    #expect(
      Self.remarks(Self.all(accepted, both)) == ["key a: 2 used", "algorithm ES256: 1 used", "algorithm RS256: 1 used"])
  }

  @Test("Audiences are not for others than this machine, and what another issuer's tokens had is not this one's")
  func hidden() throws {
    var report = AdminReport()
    report.nowSeconds = Double(Self.now)
    report.census = Self.census([
      (Self.kind("a", audience: "secret-plan"), Self.now, 60, .bearer), (Self.kind("a"), Self.now, 60, .cookie),
    ])
    var accepted = Self.keys(("a", Self.since))
    accepted.audiences = ["secret-plan", "other"]
    let provider = { (issuer: String) in
      AdminReport.Provider(
        name: "company", issuer: issuer, keys: 1, fetchedAtSeconds: 0, failures: 0, accepts: accepted)
    }
    report.providers = [provider("https://id.example")]
    let shown = { (report: AdminReport) -> String in
      let machines = report.document().serialized() + report.metrics()
      return StatusPage(report: report).html + String(decoding: machines, as: UTF8.self)
    }
    #expect(shown(report).contains("secret-plan") && shown(report).contains("portcullis_tokens_total"))
    #expect(report.tokenUses(of: report.providers[0])[0].use.count == 2)
    report.hideWhatIsPrivate()
    #expect(!shown(report).contains("secret-plan"))
    report.providers = [provider("https://other.example")]
    #expect(report.tokenUses(of: report.providers[0])[0].use.count == 0)
  }

  @Test(
    "Shares are written so that something is never nothing",
    arguments: [
      (0, 5, "-"), (0, 0, "-"), (5, 5, "100 %"), (1, 3, "33 %"), (1, 40, "2.5 %"), (1, 10_000, "< 0.1 %"),
      (.max, 1, "100 %"),
    ] as [(UInt64, UInt64, String)])
  func shares(count: UInt64, total: UInt64, text: String) {
    #expect(ShareText.text(count, of: total) == text)
  }
}
