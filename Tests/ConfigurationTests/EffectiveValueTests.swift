import TestSupport
import Testing

@testable import Configuration

@Suite("A configuration as it counts")
struct EffectiveValueTests {
  private func effective(_ sample: Sample, environment: [String: String] = [:]) throws -> EffectiveValue {
    try configuration(sample.text, environment: environment).effective
  }

  @Test("What is written stays as it is written, and defaults stand where nothing is")
  func defaults() throws {
    var sample = Sample()
    sample.top = "timeouts: { head: 7s }\n"
    sample.upstreams = "upstreams:\n  a: { servers: [\"127.0.0.1:1\", { address: \"127.0.0.1:2\" }] }\n"
    sample.routes = "routes:\n  - { path: /api, auth: local, upstream: a, methods: [GET, POST] }\n"
    let whole = try effective(sample)
    #expect(whole["timeouts"]?["head"] == .text("7s") && whole["timeouts"]?["idle"] == .text("75s"))
    #expect(whole["limits"]?["head"] == .text("16KiB") && whole["workers"] == .text("auto"))
    #expect(whole["log"]?["access"] == .text("stdout"))
    #expect(whole["admin"] == nil && whole["revocations"] == nil)
    #expect(whole["providers"]?["local"]?["leeway"] == .text("30s"))
    #expect(whole["providers"]?["local"]?["signing"]?["algorithm"] != nil)
    #expect(whole["upstreams"]?["a"]?["balance"] == .text("round_robin"))
    #expect(
      whole["upstreams"]?["a"]?["servers"]
        == .list([
          .text("127.0.0.1:1"),
          .mapping([.init(key: "address", value: .text("127.0.0.1:2")), .init(key: "weight", value: .text("1"))]),
        ]))
    guard case .list(let routes)? = whole["routes"] else { throw Missing() }
    #expect(routes.count == 1 && routes[0]["methods"] == .list([.text("GET"), .text("POST")]))
    #expect(routes[0]["token"] == .text("remove"))
    #expect(routes[0]["upgrade"] == .list([.text("websocket")]))
    #expect(!"\(whole)".contains("text(\"["))
  }

  @Test("A default that depends on other keys is what it comes to, and a key that means nothing is not there")
  func dependentDefaults() throws {
    var sample = Sample()
    sample.top = "limits: { head: 2KiB }\n"
    let limits = try effective(sample)["limits"]
    #expect(limits?["target"] == .text("2KiB") && limits?["token"] == .text("2KiB"))
    sample.top = "limits: { head: 2048, target: 1024 }\n"
    #expect(try effective(sample)["limits"]?["target"] == .text("1024"))

    func signing(_ keys: String) throws -> EffectiveValue? {
      try effective(Sample.provider("", source: "signing: { state: state\(keys) }"))["providers"]?["local"]?["signing"]
    }
    #expect(try signing("")?["keep_for"] == .text("1d"))
    #expect(try signing(", rotate_every: none")?["keep_for"] == nil)
    #expect(try signing(", rotate_every: none")?["rotate_every"] == .text("none"))
    // What is not fetched is not kept fresh.
    #expect(try effective(Sample.provider(""))["providers"]?["local"]?["refresh"]?["every"] != nil)
    let fromFile = try effective(Sample.provider("", source: "jwks_file: /dev/null"))
    #expect(fromFile["providers"]?["local"]?["refresh"] == nil)

    let folder = try TemporaryFolder()
    let users = try folder.write(
      "users.yaml", "users:\n  - { id: u-1, username: alice, password_hash: \"\(UsersFileTests.hash)\" }\n")
    let local = try effective(
      Sample.provider(
        "sign_in: { users_file: \(users), lifetime: 1d, refresh: 2d }", source: "signing: { state: state }"))[
        "providers"]?["local"]
    #expect(local?["token_from"] == .list([.text("authorization"), .text("cookie")]))
    #expect(local?["signing"]?["keep_for"] == .text("86430s") && local?["sign_in"]?["idle"] == .text("2d"))

    let flow = try effective(
      Sample.provider("code_flow: { client_id: a, url: \"https://a.example\", state: state, lifetime: 1h }"))
    #expect(flow["providers"]?["local"]?["code_flow"]?["idle"] == .text("1h"))
  }

  @Test("What the environment says, and values of headers, are not shown")
  func secrets() throws {
    var sample = Sample.route("auth: none\n    headers: { set: { X-Api-Key: hunter2 }, remove: [X-B] }")
    sample.upstreams = "upstreams:\n  echo: { servers: [\"${HOST}:8080\"] }\n"
    let whole = try effective(sample, environment: ["HOST": "10.0.0.1"])
    let text = "\(whole)"
    let provider = Sample.provider("", source: "jwks_url: https://id.example.com/x?api_key=hunter2")
    #expect(
      try effective(provider)["providers"]?["local"]?["jwks_url"] == .text("https://id.example.com/x?(hidden)"))
    var redirect = Sample()
    redirect.routes = "routes:\n  - { path: /api, auth: local, redirect: \"/other?k=hunter2\" }\n"
    redirect.upstreams = ""
    #expect(!"\(try effective(redirect))".contains("hunter2"))
    #expect(!text.contains("hunter2") && !text.contains("10.0.0.1") && text.contains("${HOST}:8080"))
    guard case .list(let routes)? = whole["routes"] else { throw Missing() }
    #expect(routes[0]["headers"]?["set"]?["X-Api-Key"] == .hidden)
    #expect(routes[0]["headers"]?["remove"] == .list([.text("X-B")]))
  }

  @Test(
    "L-2: a message about a URL shows neither its query nor who stands in it",
    arguments: [
      ("http://id.example.com/x?api_key=hunter2", "http://id.example.com/x?(hidden)"),
      ("https://hunter2:hunter2@id.example.com/x", "https://(hidden)@id.example.com/x"),
      ("/jwks?api_key=hunter2", "/jwks?(hidden)"),
    ])
  func messages(url: String, shown: String) {
    let found = faults(Sample.provider("", source: "jwks_url: \"\(url)\"").text)
    #expect(found.count == 1 && found.allSatisfy { $0.contains("\"\(shown)\"") && !$0.contains("hunter2") })
  }

  private struct Missing: Error {}
}

extension EffectiveValue {
  fileprivate subscript(_ key: String) -> EffectiveValue? {
    guard case .mapping(let entries) = self else { return nil }
    return entries.first { $0.key == key }?.value
  }
}
