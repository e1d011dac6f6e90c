import TestSupport
import Testing
import Tokens

@testable import Configuration

@Suite("Providers")
struct ProviderTests {
  @Test("Every key is taken over")
  func everyKey() throws {
    let folder = try TemporaryFolder()
    let authority = try folder.write("ca.pem", "x", mode: 0o644)
    let sample = Sample.provider(
      """
      ca: \(authority)
          algorithms: [RS256, ES256]
          leeway: 5s
          max_age: 12h
          require: { typ: at+jwt, claims: [email, a.b] }
          token_from: ["cookie:session", authorization]
          claims: { subject: email, roles: realm_access.roles, scopes: scp, permissions: perms }
          email_verified: assumed
          refresh: { every: 1m, stale_for: 1h, cache_file: state/keys.json }
      """)
    let provider = try #require(try configuration(sample.text).providers.first)
    #expect(provider.policy.provider == "local")
    #expect(provider.policy.issuer == "https://id.example.com")
    #expect(provider.policy.audiences == .oneOf(["example"]))
    #expect(provider.policy.algorithms?.count == 2)
    #expect(provider.policy.leewaySeconds == 5)
    #expect(provider.policy.ageMaxSeconds == 43_200)
    #expect(provider.policy.type == "at+jwt")
    #expect(try provider.policy.requiredClaims == [ClaimPath("email"), ClaimPath("a.b")])
    #expect(provider.policy.emailVerification == .assumed)
    #expect(provider.keys == .jwksURL("https://id.example.com/jwks"))
    #expect(provider.certificateAuthorityFile == authority)
    #expect(provider.credentialSources == [.cookie("session"), .authorization])
    #expect(provider.refreshEvery == .seconds(60))
    #expect(provider.staleFor == .seconds(3600))
    #expect(provider.keyCacheFile == "state/keys.json")
  }

  @Test("I-9: addresses are taken for verified where this gateway issues the tokens, and by nobody else's")
  func emailVerification() throws {
    for (source, verification) in [
      ("jwks_url: https://id.example.com/jwks", EmailVerification.required), ("", .required),
      ("signing: { state: state }", .assumed), ("signing: { state: state }\n    email_verified: required", .required),
    ] {
      let provider = try #require(try configuration(Sample.provider("", source: source).text).providers.first)
      #expect(provider.policy.emailVerification == verification, "\(source)")
    }
  }

  @Test("Without a source of keys they are discovered at the issuer")
  func discovery() throws {
    let provider = try #require(try configuration(Sample.provider("", source: "").text).providers.first)
    #expect(provider.keys == .discovery)
    #expect(provider.policy.audiences == .oneOf(["example"]))
  }

  struct Row: CustomTestStringConvertible {
    let keys: String
    var source = "jwks_url: https://id.example.com/jwks"
    let fault: String
    var testDescription: String { "\(source) \(keys)" }
  }

  @Test(
    "What a provider cannot be is refused",
    arguments: [
      Row(
        keys: "jwks_file: /dev/null",
        fault: "8:5: \"jwks_file\" together with \"jwks_url\"; a provider's keys come from one place"),
      Row(
        keys: "", source: "jwks_url: http://id.example.com/jwks",
        fault: "7:15: \"http://id.example.com/jwks\" has to be https; http is for loopback addresses only"),
      Row(
        keys: "", source: "jwks_url: id.example.com/jwks", fault: "7:15: \"id.example.com/jwks\" is not an https URL"),
      Row(
        keys: "", source: "jwks_file: /nowhere/jwks.json", fault: "7:16: /nowhere/jwks.json: No such file or directory"
      ),
      Row(keys: "", source: "jwks_file: /", fault: "7:16: / is a folder"),
      Row(keys: "ca: /nowhere/ca.pem", fault: "8:9: /nowhere/ca.pem: No such file or directory"),
      Row(
        keys: "ca: /dev/null", source: "jwks_file: /dev/null",
        fault: "8:5: \"ca\" together with \"jwks_file\"; nothing is fetched from this issuer"),
      Row(keys: "algorithms: [HS256]", fault: "8:18: \"HS256\" needs \"secret_file\""),
      Row(
        keys: "algorithms: [none]", fault: "8:18: \"none\" is never accepted: tokens have to be signed"),
      Row(
        keys: "algorithms: [RS257]",
        fault: "8:18: \"RS257\" is not an algorithm; did you mean \"RS256\"?"),
      Row(keys: "algorithms: []", fault: "8:17: an empty list; expected a list of algorithms, or leave the key out"),
      Row(keys: "max_age: 0s", fault: "8:14: \"0s\" is out of range: 1s to 366d"),
      Row(
        keys: "max_age: none", fault: "8:14: \"none\" is not a duration; write a whole number and ms, s, m, h or d: 30s"
      ),
      Row(keys: "require: {}", fault: "8:14: an empty mapping, which requires nothing; leave the key out"),
      Row(keys: "require: { typ: a/b/c }", fault: "8:21: \"a/b/c\" is not a media type; write a type such as at+jwt"),
      Row(keys: "require: { typ: \"\" }", fault: "8:21: \"\" is not a media type; write a type such as at+jwt"),
      Row(
        keys: "require: { claims: [] }", fault: "8:24: an empty list; expected a list of claims, or leave the key out"),
      Row(
        keys: "require: { claims: [.] }",
        fault: "8:25: \".\" is not a claim; write a name, or names joined by dots"),
      Row(keys: "leeway: 61s", fault: "8:13: \"61s\" is out of range: 0s to 1m"),
      Row(
        keys: "token_from: cookie",
        fault: "8:17: \"cookie\" without \"sign_in\", whose cookie it is; for another one write its name: "
          + "\"cookie:NAME\""),
      Row(keys: "token_from: [\"cookie:a b\"]", fault: "8:18: \"cookie:a b\" does not name a cookie (RFC 6265 §4.1.1)"),
      Row(
        keys: "token_from: query",
        fault: "8:17: \"query\" is not one of authorization, websocket_protocol, cookie and cookie:NAME"),
      Row(
        keys: "token_from: [authorization, websocket-protocol]",
        fault: "8:33: \"websocket-protocol\" is not one of authorization, websocket_protocol, cookie and cookie:NAME; "
          + "did you mean \"websocket_protocol\"?"),
      Row(
        keys: "refresh: { cache_file: k.json }", source: "jwks_file: /dev/null",
        fault: "8:16: \"cache_file\" together with \"jwks_file\"; nothing is fetched from this issuer"),
      Row(
        keys: "refresh: { cache_file: k.json }", source: "signing: { state: s }",
        fault: "8:16: \"cache_file\" together with \"signing\"; nothing is fetched from this issuer"),
      Row(keys: "refresh: { cache_file: / }", fault: "8:28: / is a folder"),
      Row(keys: "refresh: { cache_file: '' }", fault: "8:28: an empty path; expected a file"),
      Row(
        keys: "refresh: { cache_file: k.json, stale_for: 0s }",
        fault: "8:16: \"cache_file\" has no use where \"stale_for\" is 0s"),
      Row(
        keys: "refresh: { cache_file: //dev/./null }\n    ca: /dev/null",
        fault: """
          8:28: //dev/./null is the "ca" of the provider "local", and would be overwritten; name another "cache_file"
          """),
      Row(
        keys: "refresh: { cache_file: x/../gateway.conf }",
        fault: """
          8:28: x/../gateway.conf is this configuration, and would be overwritten; name another "cache_file"
          """),
      Row(
        keys: "refresh: { every: 60s, stale_for: 30s }",
        fault: """
          8:39: "stale_for" is shorter than "every", which is 1m: one fetch that fails would end the keys; write a \
          "stale_for" of at least that, or 0s
          """),
      Row(
        keys: "refresh: { stale_for: 5m }",
        fault: """
          8:27: "stale_for" is shorter than "every", which is 10m: one fetch that fails would end the keys; write a \
          "stale_for" of at least that, or 0s
          """),
      Row(keys: "refresh: { every: 1s }", fault: "8:23: \"1s\" is out of range: 30s to 1d"),
      Row(
        keys: "", source: "signing: {}",
        fault: "7:14: \"state\" is missing. The folder for its private keys and sign-ins; created at the first start."),
      Row(
        keys: "", source: "signing: { state: s, algorithm: HS256 }",
        fault: "7:37: \"HS256\" without \"secret_file\"; a secret that others share is not made here"),
      Row(
        keys: "algorithms: [ES256, HS256]", source: "signing: { state: s }",
        fault: "8:25: \"HS256\" does not fit \"signing\", whose algorithm is ES256"),
      Row(
        keys: "algorithms: [RS256]", source: "signing: { state: s }",
        fault: "8:17: \"algorithms\" lacks \"ES256\", with which this provider signs"),
      Row(keys: "", source: "signing: { state: /dev/null }", fault: "7:23: /dev/null is not a folder"),
    ])
  func refused(_ row: Row) {
    #expect(faults(Sample.provider(row.keys, source: row.source).text) == [row.fault])
  }

  @Test("A secret signs with HS*, and with nothing else; it is not made or replaced here")
  func signingSecret() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("secret", "", mode: 0o600)
    let open = try folder.write("open", "", mode: 0o644)
    let old = try folder.write("old", "", mode: 0o600)
    let five = [file, file, old, old, old].joined(separator: ", ")
    func provider(_ signing: String, _ keys: String = "") -> Sample {
      Sample.provider(keys, source: "signing: { \(signing) }")
    }
    let good = provider("algorithm: HS384, state: s, secret_file: \(file)", "algorithms: [HS384]")
    let resolved = try configuration(good.text).providers[0]
    #expect(resolved.keys == .signingSecret(folder: "s", file: file, former: [], algorithm: .hs384))
    let former = provider("algorithm: HS384, state: s, secret_file: [\(file), \(old)]")
    #expect(
      try configuration(former.text).providers[0].keys
        == .signingSecret(folder: "s", file: file, former: [old], algorithm: .hs384))
    #expect(resolved.keyRotation == nil && resolved.signInsFile == "s/local.sign-ins.db")
    for (signing, keys, fault) in [
      (
        "secret_file: \(file), state: s", "",
        "7:16: \"secret_file\" with ES256; a secret signs with HS256, HS384 or HS512"
      ),
      (
        "secret_file: [\(five)], algorithm: HS256, state: s", "",
        "7:29: 5 secrets; 4 at most, the one that signs included"
      ),
      (
        "secret_file: [\(file), \(open)], algorithm: HS256, state: s", "",
        "7:\(32 + file.utf8.count): the secret can be read by others; run chmod 600 \(open)"
      ),
      (
        "rotate_every: 1d, algorithm: HS256, state: s, secret_file: \(file)", "",
        "7:16: \"rotate_every\" with HS256; another secret is put into \"secret_file\" by hand"
      ),
      (
        "keep_for: 1d, algorithm: HS512, state: s, secret_file: \(file)", "",
        "7:16: \"keep_for\" with HS512; another secret is put into \"secret_file\" by hand"
      ),
      (
        "algorithm: HS256, state: s, secret_file: \(file)", "algorithms: [HS256, ES256]",
        "8:25: \"ES256\" does not fit \"signing\", whose algorithm is HS256"
      ),
      (
        "secret_file: \(open), algorithm: HS256, state: s", "",
        "7:29: the secret can be read by others; run chmod 600 \(open)"
      ),
    ] {
      #expect(faults(provider(signing, keys).text) == [fault])
    }
  }

  @Test("Two providers cannot share the file of a copy, however its path is written")
  func sharedCopies() {
    func provider(_ name: String, _ file: String) -> String {
      """
        \(name):
          issuer: https://id.example.com
          audiences: [example]
          refresh: { cache_file: \(file) }

      """
    }
    var sample = Sample()
    sample.providers = "providers:\n" + provider("local", "state/k.json") + provider("b", "k.json")
    #expect(faults(sample.text) == [])
    sample.providers = "providers:\n" + provider("local", "state/k.json") + provider("b", "./x/../state//k.json")
    #expect(faults(sample.text) == ["11:28: the provider \"local\" has the same \"cache_file\"; each needs its own"])
  }

  @Test("stale_for is 0s or at least every")
  func staleFor() {
    for value in ["every: 60s, stale_for: 60s", "every: 60s, stale_for: 0s", "stale_for: 10m"] {
      #expect(faults(Sample.provider("refresh: { \(value) }").text) == [])
    }
  }

  @Test(
    "A copy of keys is nothing else of the configuration",
    arguments: [
      ("revoked", #"the "file" of "revocations""#),
      ("a/../keys/./c.json", #"in the folder of the keys with which the provider "own" signs"#),
      ("keys/deep/c.json", #"in the folder of the keys with which the provider "own" signs"#),
    ])
  func otherFiles(path: String, what: String) {
    var sample = Sample.provider(
      """
      refresh: { cache_file: \(path) }
        own:
          issuer: https://own.example.com
          audiences: [example]
          signing: { state: keys }
      """)
    sample.top = "revocations: { file: revoked }\n"
    #expect(
      faults(sample.text).filter { $0.contains("cache_file") } == [
        "9:28: \(path) is \(what), and would be overwritten; name another \"cache_file\""
      ])
  }

  @Test("One file by two names is one file")
  func linkedCopy() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("gateway.conf", "", mode: 0o600)
    let found = faults(Sample.provider("refresh: { cache_file: /proc/self/root\(file) }").text, file: file)
    #expect(found.count == 1 && found[0].contains("is this configuration, and would be overwritten"))
  }

  @Test("The access log is nobody's copy of keys")
  func logIsNoCopy() {
    var sample = Sample.provider("refresh: { cache_file: access.log }")
    sample.top = "log: { access: access.log }\n"
    #expect(
      faults(sample.text) == [
        "9:28: access.log is the access log, and would be overwritten; name another \"cache_file\""
      ])
  }

  @Test(
    "Audiences have to be said",
    arguments: [
      ("audiences: any", nil),
      ("audiences: [any]", "6:17: \"any\" cannot be in a list; write any without brackets"),
      ("audiences: [a, Any]", "6:20: \"Any\" cannot be in a list; write any without brackets"),
      ("audiences: []", "6:16: an empty list; expected a list of audiences, or leave the key out"),
      ("audiences: orders", "6:16: expected a list of audiences or any; write [orders]"),
      ("audiences:", "6:15: expected a list of audiences, found nothing"),
      ("leeway: 1s", "5:5: \"audiences\" is missing. Tokens need one of them as `aud`; `any` accepts all tokens."),
    ])
  func audiences(_ line: String, fault: String?) {
    let text = Sample.provider("").text.replacing("audiences: [example]", with: line)
    #expect(faults(text) == (fault.map { [$0] } ?? []))
  }

  @Test(
    "K-1: an issuer that is fetched or published is https, or on loopback",
    arguments: [
      ("https://id.example.com", "", nil),
      ("http://127.0.0.1:9000", "", nil),
      (
        "https://id.example.com/.well-known/openid-configuration", "",
        "5:13: the issuer is without /.well-known/openid-configuration, which is added to it; "
          + "write https://id.example.com"
      ),
      ("http://id.example.com", "", "5:13: the issuer has to be an https URL; http is for loopback addresses only"),
      (
        "http://id.example.com", "signing: { state: s }",
        "5:13: the issuer has to be an https URL; http is for loopback addresses only"
      ),
      ("accounts.example.com", "", "5:13: the issuer is not an https URL"),
      ("accounts.example.com", "jwks_file: /dev/null", nil),
      ("''", "jwks_file: /dev/null", "5:13: \"\" is empty; expected an issuer"),
    ])
  func issuers(_ issuer: String, source: String, fault: String?) {
    let text = Sample.provider("", source: source).text.replacing("https://id.example.com\n", with: issuer + "\n")
    #expect(faults(text) == (fault.map { [$0] } ?? []))
  }

  @Test(
    "L-3: a secret that others can read is refused",
    arguments: [(UInt32(0o600), true), (0o640, true), (0o644, false), (0o604, false), (0o602, false)])
  func secretModes(_ mode: UInt32, isAccepted: Bool) throws {
    let folder = try TemporaryFolder()
    let secret = try folder.write("hmac", "0123456789abcdef0123456789abcdef", mode: mode)
    let text = Sample.provider("", source: "secret_file: \(secret)").text
    #expect(
      faults(text)
        == (isAccepted ? [] : ["7:18: the secret can be read by others; run chmod 600 \(secret)"]))
  }

  @Test("A secret goes with HS* and nothing else")
  func secretAlgorithms() throws {
    let folder = try TemporaryFolder()
    let secret = try folder.write("hmac", "0123456789abcdef0123456789abcdef", mode: 0o600)
    let sample = Sample.provider("algorithms: [HS256, RS256]", source: "secret_file: \(secret)")
    #expect(faults(sample.text) == ["8:25: \"RS256\" does not fit \"secret_file\"; use HS256, HS384 or HS512"])
  }
}
