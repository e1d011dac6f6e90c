import TestSupport
import Testing

@testable import Configuration

@Suite("Introspection")
struct IntrospectionTests {
  private let folder: TemporaryFolder
  private let secret: String
  private let key: String

  init() throws {
    folder = try TemporaryFolder()
    secret = try folder.write("secret", "s", mode: 0o640)
    key = try folder.write("key.pem", "k", mode: 0o600)
  }

  /// A provider that introspects, without a source of keys unless one is named.
  private func text(_ introspection: String, source: String = "", beside: String = "") -> String {
    let written = introspection.replacing("SECRET", with: secret).replacing("KEY", with: key)
    let lines = (beside.isEmpty ? "" : beside + "\n    ") + "introspection: { \(written) }"
    return Sample.provider(lines, source: source).text
  }

  private static let url = "url: https://id.example.com/introspect"

  @Test("A client with a secret, and what is left out")
  func secretClient() throws {
    let text = text("\(Self.url), client_id: gateway, client_secret_file: SECRET")
    let provider = try #require(try configuration(text).providers.first)
    let introspection = try #require(provider.introspection)
    #expect(introspection.url == "https://id.example.com/introspect")
    #expect(introspection.clientID == "gateway")
    #expect(introspection.clientAuthentication == .secretFile(NamedFile(path: secret)))
    #expect(introspection.tokens == .opaque)
    #expect(introspection.cacheSeconds == 30)
    // JWTs are verified with keys, as without introspection.
    #expect(provider.keys == .discovery)
  }

  @Test("A client with a key, and all that can be written")
  func keyClient() throws {
    let text = text(
      """
      \(Self.url), client_id: gateway, private_key_file: KEY, key_id: k1, audience: https://id.example.com, \
      tokens: all, cache: 5m
      """)
    let provider = try #require(try configuration(text).providers.first)
    let introspection = try #require(provider.introspection)
    #expect(
      introspection.clientAuthentication
        == .privateKeyFile(NamedFile(path: key), keyID: "k1", audience: "https://id.example.com"))
    #expect(introspection.tokens == .all)
    #expect(introspection.cacheSeconds == 300)
    #expect(provider.keys == .none)
  }

  @Test("An issuer none of whose tokens is verified is a name")
  func issuerName() {
    let good = text("\(Self.url), client_id: gateway, client_secret_file: SECRET, tokens: all")
      .replacing("issuer: https://id.example.com", with: "issuer: company")
    #expect(faults(good) == [])
    let bad = text("\(Self.url), client_id: gateway, client_secret_file: SECRET")
      .replacing("issuer: https://id.example.com", with: "issuer: company")
    #expect(faults(bad) == ["5:13: the issuer is not an https URL"])
  }

  struct Row: CustomTestStringConvertible {
    let written: String
    var source = ""
    var beside = ""
    let fault: String
    var testDescription: String { "\(source) \(beside) \(written)" }
  }

  @Test(
    "What cannot be is refused",
    arguments: [
      Row(
        written: "client_id: c, client_secret_file: SECRET",
        fault: "8:20: \"url\" is missing. The introspection endpoint: https, or http on loopback."),
      Row(
        written: "\(url), client_secret_file: SECRET",
        fault: "8:20: \"client_id\" is missing. This gateway's client id at the issuer."),
      Row(
        written: "url: http://id.example.com/i, client_id: c, client_secret_file: SECRET",
        fault: "8:27: \"http://id.example.com/i\" has to be https; http is for loopback addresses only"),
      Row(
        written: "\(url), client_id: c",
        fault: "8:20: the client has no credential: write \"client_secret_file\" or \"private_key_file\""),
      Row(
        written: "\(url), client_id: c, private_key_file: KEY, client_secret_file: SECRET",
        fault: "*\"client_secret_file\" together with \"private_key_file\"; a client authenticates in one way"),
      Row(
        written: "\(url), client_id: c, key_id: k, client_secret_file: SECRET",
        fault: "8:76: \"key_id\" without \"private_key_file\"; it is for what that key signs"),
      Row(
        written: "\(url), client_id: c, audience: k, client_secret_file: SECRET",
        fault: "8:76: \"audience\" without \"private_key_file\"; it is for what that key signs"),
      Row(
        written: "\(url), client_id: c, tokens: some, client_secret_file: SECRET",
        fault: "8:84: \"some\" is not opaque or all"),
      Row(
        written: "\(url), client_id: c, cache: 301s, client_secret_file: SECRET",
        fault: "8:83: \"301s\" is out of range: 0s to 5m"),
      Row(
        written: "\(url), client_id: c, client_secret_file: /nowhere/secret",
        fault: "8:96: /nowhere/secret: No such file or directory"),
      Row(
        written: "\(url), client_id: c, client_secret_file: SECRET", source: "signing: { state: s }",
        fault: "8:5: \"introspection\" together with \"signing\"; this gateway issues the tokens itself"),
      Row(
        written: "\(url), client_id: c, client_secret_file: SECRET, tokens: all",
        source: "jwks_url: https://id.example.com/jwks",
        fault: "7:5: \"jwks_url\" together with introspection of all tokens; none of them is verified with a key"),
      Row(
        written: "\(url), client_id: c, client_secret_file: SECRET, tokens: all", beside: "algorithms: [RS256]",
        fault: "8:5: \"algorithms\" together with introspection of all tokens; none of them is verified with a key"),
    ])
  func refused(_ row: Row) {
    let found = faults(text(row.written, source: row.source, beside: row.beside))
    if row.fault.hasPrefix("*") {
      #expect(found.count == 1)
      #expect(found.first?.hasSuffix(row.fault.dropFirst()) == true)
    } else {
      #expect(found == [row.fault])
    }
  }

  @Test(
    "L-3, K-8: a credential that others can read is refused",
    arguments: [
      (UInt32(0o600), true, true), (0o400, true, true), (0o640, true, false), (0o644, false, false),
      (0o604, false, false),
    ])
  func modes(_ mode: UInt32, secretIsAccepted: Bool, keyIsAccepted: Bool) throws {
    let file = try folder.write("credential", "x", mode: mode)
    #expect(
      faults(text("\(Self.url), client_id: c, client_secret_file: \(file)"))
        == (secretIsAccepted ? [] : ["8:96: the secret can be read by others; run chmod 600 \(file)"]))
    #expect(
      faults(text("\(Self.url), client_id: c, private_key_file: \(file)"))
        == (keyIsAccepted
          ? [] : ["8:94: the private key can be read by users other than its owner; run chmod 600 \(file)"]))
  }

  @Test("The certificate authority is for the endpoint too")
  func certificateAuthority() throws {
    let authority = try folder.write("ca.pem", "x", mode: 0o644)
    #expect(
      faults(
        text(
          "\(Self.url), client_id: c, client_secret_file: SECRET", source: "jwks_file: /dev/null",
          beside: "ca: \(authority)")) == [])
  }

  @Test("A token is shown to one issuer: a route names one provider that introspects")
  func route() {
    let introspection = "introspection: { \(Self.url), client_id: c, client_secret_file: \(secret) }"
    var sample = Sample.provider(introspection)
    sample.providers += """
        second:
          issuer: https://second.example.com
          audiences: [example]
          \(introspection)
        third:
          issuer: https://third.example.com
          audiences: [example]

      """
    sample.routes = """
      routes:
        - { path: /good, auth: [third, second], upstream: echo }
        - { path: /bad, auth: [local, third, second], upstream: echo }
      """
    #expect(
      faults(sample.text) == [
        "20:40: \"second\" has introspection, and so has \"local\"; a route can name one of them"
      ])
  }
}
