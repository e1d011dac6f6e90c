import Access
import TestSupport
import Testing

/// What a route matches, said as plainly as can be.
extension RouteText {
  func matches(_ method: String, _ host: String, _ path: String) -> Bool {
    matchesHost(host.lowercased()) && matchesMethod(method) && matchesPath(path)
  }

  private func matchesHost(_ host: String) -> Bool {
    guard let pattern = self.host?.lowercased() else { return true }
    guard pattern.hasPrefix("*.") else { return host == pattern }
    return host.hasSuffix(pattern.dropFirst()) && host.utf8.count >= pattern.utf8.count
  }

  private func matchesMethod(_ method: String) -> Bool {
    method == method.uppercased()
      && (methods.isEmpty || methods.contains(method) || (method == "HEAD" && methods.contains("GET")))
  }

  private static func segments(_ path: String) -> [String] {
    var segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if segments.last == "" { segments.removeLast() }
    return segments
  }

  private func matchesPath(_ path: String) -> Bool {
    var pattern = Self.segments(self.path)
    var segments = Self.segments(path)
    if pattern.last == "**" {
      pattern.removeLast()
      // A slash at the end is an empty segment to what lies below.
      guard segments.count >= pattern.count else { return false }
      segments = Array(segments.prefix(pattern.count))
    }
    return pattern.count == segments.count
      && zip(pattern, segments).allSatisfy { $0 == "*" || $0.hasPrefix("{") ? !$1.isEmpty : $0 == $1 }
  }
}

@Suite("Route table against a list that is searched from its start")
struct RouteReferenceTests {
  private static let words = ["a", "b", "ab", "A", "aa"]

  private static func route(_ random: inout SeededGenerator) -> RouteText {
    var path = ""
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      path += "/" + ((words + ["*", "{id}"]).randomElement(using: &random) ?? "a")
    }
    if Bool.random(using: &random) { path += "/**" }
    let hosts = [nil, nil, "a.com", "b.a.com", "*.a.com", "*.b.a.com", "*.com"]
    let methods = [[], [], ["GET"], ["POST"], ["GET", "PUT"], ["HEAD"]]
    return RouteText(
      host: hosts.randomElement(using: &random) ?? nil, path: path.isEmpty ? "/" : path,
      methods: methods.randomElement(using: &random) ?? [])
  }

  private static func path(_ random: inout SeededGenerator) -> String {
    var path = ""
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      path += "/" + (Int.random(in: 0..<20, using: &random) == 0 ? "" : words.randomElement(using: &random) ?? "a")
    }
    if Int.random(in: 0..<4, using: &random) == 0 { path += "/" }
    return path.isEmpty ? "/" : path
  }

  @Test("Both find the same route", arguments: [0, 1, 2, 5, 20, 100])
  func findTheSame(count: Int) throws {
    var random = SeededGenerator(seed: UInt64(count))
    var found = 0
    for _ in 0..<20 {
      let routes = (0..<count).map { _ in Self.route(&random) }
      let table = try RouteTable(routes)
      for _ in 0..<100 {
        let host = ["a.com", "A.com", "b.A.com", "x.b.a.com", "com", "a.com.x"].randomElement(using: &random) ?? ""
        let method = ["GET", "HEAD", "POST", "PUT", "get", "X"].randomElement(using: &random) ?? ""
        let path = Self.path(&random)
        let expected = routes.firstIndex { $0.matches(method, host, path) }
        #expect(table.match(method, host, path) == expected, "\(method) \(host) \(path) in \(routes)")
        if expected != nil { found += 1 }
      }
    }
    #expect(count < 5 || found > 50, "a test of misses alone says little")
  }

  @Test("Routes that share no prefix with a path change nothing for it")
  func unrelated() throws {
    var random = SeededGenerator(seed: 7)
    let routes = (0..<20).map { _ in Self.route(&random) }
    let others = (0..<2000).map { RouteText(host: "other-\($0).net", path: "/unrelated-\($0)/*/{x}/**") }
    let alone = try RouteTable(routes)
    let among = try RouteTable(others + routes)
    for _ in 0..<500 {
      let path = Self.path(&random)
      #expect(among.match("GET", "b.a.com", path) == alone.match("GET", "b.a.com", path).map { $0 + others.count })
    }
  }
}
