import Access
import TestSupport
import Testing

extension FoldedPaths {
  /// As a request with that path is matched.
  func match(_ method: String, _ host: String, _ path: String) -> Int? {
    var folded: [UInt8] = []
    FoldedPaths.fold(Array(path.utf8).span, to: &folded)
    return match(host: Array(host.utf8).span, method: Array(method.utf8).span, path: folded.span)
  }

  func areFor(_ host: String) -> Bool { areFor(Array(host.utf8).span) }
}

@Suite("Paths whose case makes no difference")
struct FoldedPathsTests {
  private static let words = ["a", "b", "A", "aB", "Ab", "%C3%89", "r-1", "R", "%2F", "aBcDeFgHiJkLmNoPqRsTuVwXyZ"]

  private static func path(_ random: inout SeededGenerator, _ more: [String]) -> String {
    (0..<Int.random(in: 0...4, using: &random))
      .map { _ in "/" + ((words + more).randomElement(using: &random) ?? "a") }.joined()
  }

  /// The same path with letters of any case.
  private static func recased(_ path: String, _ random: inout SeededGenerator) -> String {
    String(path.map { Bool.random(using: &random) ? Character($0.uppercased()) : Character($0.lowercased()) })
  }

  @Test("P-11: paths that differ in case alone have the same route", arguments: 0..<20)
  func sameRoute(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let routes = (0..<30).map { _ in
      var path = Self.path(&random, ["*", "{Id}"])
      if Bool.random(using: &random) { path += "/**" }
      return RouteText(
        host: [nil, "a.example", "*.example"].randomElement(using: &random) ?? nil, path: path.isEmpty ? "/" : path,
        methods: [[], ["GET"]].randomElement(using: &random) ?? [])
    }
    let table = try #require(FoldedPaths(of: [.any], routes: try routes.map { try $0.pattern() }))
    var found = 0
    for _ in 0..<500 {
      let path = Self.path(&random, [])
      let other = Self.recased(path, &random)
      let host = ["a.example", "b.A.example", "a.com"].randomElement(using: &random) ?? ""
      let method = ["GET", "POST"].randomElement(using: &random) ?? ""
      let route = table.match(method, host, path)
      #expect(route == table.match(method, host, other), "\(method) \(host) \(path) and \(other) in \(routes)")
      // What is matched as it is written is matched in any case, by that route or an earlier one.
      if let exact = routes.firstIndex(where: { $0.matches(method, host, path) }) {
        #expect(route.map { $0 <= exact } == true, "\(method) \(host) \(path) in \(routes)")
        found += 1
      }
    }
    #expect(found > 50, "a test of misses alone says little")
  }

  @Test("P-17: the gateway's own paths are its own in any case, on hosts whose paths are folded")
  func ownPaths() throws {
    let paths = [
      OwnPath(host: "a.example", path: "/Tenant/.well-known/x"), OwnPath(host: nil, path: "/Auth%C3%89", reach: .below),
    ]
    let routing = Routing([], ownPaths: paths, foldingPathsOf: [try HostPattern("a.example")])
    func own(_ host: String, _ path: String) -> Int? {
      let host = Array(host.utf8)
      var matched = Array(path.utf8)
      if routing.foldsPaths(of: host.span) { FoldedPaths.fold(path.utf8Span.span, to: &matched) }
      return routing.ownPath(host: host.span, path: matched.span)
    }
    for path in ["/Tenant/.well-known/x", "/tenant/.well-known/x", "/TENANT/.Well-Known/X"] {
      #expect(own("A.example", path) == 0)
    }
    #expect(own("a.example", "/auth%c3%89/x") == 1 && own("a.example", "/authx") == nil)
    // On the others they are what they are written as.
    #expect(own("b.example", "/Auth%C3%89") == 1 && own("b.example", "/auth%C3%89") == nil)
    #expect(own("b.example", "/Tenant/.well-known/x") == nil)
  }

  @Test("The fold is that of ASCII letters")
  func letters() {
    var folded: [UInt8] = []
    FoldedPaths.fold(Array("/AZaz@[`{09-._~%C3%89/É".utf8).span, to: &folded)
    #expect(folded.elementsEqual("/azaz@[`{09-._~%c3%89/É".utf8))
  }

  @Test("Hosts are those that the patterns name, at any number of them", arguments: [0, 200])
  func hosts(more: Int) throws {
    #expect(FoldedPaths(of: [], routes: []) == nil)
    let names = (0..<more).map { "h\($0).example.net" } + ["files.example.com", "*.shop.example"]
    let paths = try #require(FoldedPaths(of: try names.map { try HostPattern($0) }, routes: []))
    for host in ["files.example.com", "FILES.example.COM", "a.shop.example", "b.a.Shop.example"] {
      #expect(paths.areFor(host))
    }
    for host in ["example.com", "a.files.example.com", "shop.example", "xshop.example", "h0.example.org", ""] {
      #expect(!paths.areFor(host))
    }
    let all = try #require(FoldedPaths(of: [.any], routes: []))
    #expect(all.areFor("anything") && all.areFor(""))
  }
}
