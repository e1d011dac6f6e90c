import Testing

@testable import Configuration

@Suite("What one configuration has that another had not")
struct DifferenceTests {
  private let sample = Sample(
    upstreams: "upstreams:\n  echo: { builtin: echo }\n  other: { builtin: echo }\n",
    routes: """
      routes:
        - { path: /a, auth: local, upstream: echo }
        - { path: /b, auth: none, upstream: other }
        - { path: /c, auth: none, upstream: other }

      """)

  private func difference(_ change: (inout Sample) -> Void) throws -> String {
    var next = sample
    change(&next)
    return try configuration(next.text).difference(from: try configuration(sample.text)).description
  }

  @Test("Nothing, where only the lines move and the numbers of what routes name")
  func nothing() throws {
    #expect(try difference { _ in } == "nothing")
    #expect(
      try difference {
        $0.top = "\n# A comment\n\n"
        $0.upstreams = "upstreams:\n  other: { builtin: echo }\n  echo: { builtin: echo }\n"
      } == "nothing")
  }

  @Test("Routes by their names, and their order")
  func routes() throws {
    #expect(
      try difference {
        $0.routes = """
          routes:
            - { path: /c, auth: none, upstream: other }
            - { path: /new/**, auth: none, upstream: other }
            - { path: /a, auth: local, require: { roles: [admin] }, upstream: echo }

          """
      } == "routes: 1 added (/new/**), 1 removed (/b), 1 changed (/a), another order")
    #expect(try difference { $0.routes += "  - { path: /d, auth: none, upstream: echo }\n" } == "routes: 1 added (/d)")
    let many = (1...7).map { "  - { path: /n\($0), auth: none, upstream: echo }\n" }.joined()
    #expect(try difference { $0.routes += many } == "routes: 7 added (/n1, /n2, /n3, /n4, /n5, …)")
  }

  @Test("A route that names another upstream is another; one whose upstream is another is not")
  func upstreams() throws {
    #expect(
      try difference { $0.upstreams = "upstreams:\n  echo: { builtin: echo }\n  other: { servers: [10.0.0.1:80] }\n" }
        == "upstreams: 1 changed (other)")
    #expect(
      try difference {
        $0.routes = $0.routes.replacing("/b, auth: none, upstream: other", with: "/b, auth: none, upstream: echo")
      }
        == "routes: 1 changed (/b)")
  }

  @Test("Other keys by their names")
  func keys() throws {
    #expect(
      try difference { $0.top = "limits: { fields: 50 }\ntimeouts: { idle: 5s }\nworkers: 2\n" }
        == "workers; limits; timeouts")
    #expect(
      try difference { $0.listeners = "listeners:\n  - address: 127.0.0.1:8081\n" }
        == "listeners: 1 added (127.0.0.1:8081), 1 removed (127.0.0.1:8080)")
    #expect(
      try difference { $0.providers = $0.providers.replacing("[example]", with: "[example, more]") }
        == "providers: 1 changed (local)")
  }

  @Test("Tests, by what they say and not by where they stand")
  func tests() throws {
    let tests = "tests:\n  - { request: GET /b, expect: allowed }\n"
    #expect(try difference { $0.top = tests } == "tests")
    var with = sample
    with.top = tests
    var moved = sample
    moved.top = "\n\n" + tests
    #expect(try configuration(moved.text).difference(from: try configuration(with.text)).isEmpty)
  }
}
