import Access
import TestSupport
import Testing

@Suite("Requests that stand for what a route matches")
struct RouteWitnessTests {
  private static func route(_ random: inout SeededGenerator) -> RouteText {
    var path = ""
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      path += "/" + (["a", "b", "x", "*"].randomElement(using: &random) ?? "a")
    }
    if Bool.random(using: &random) { path += "/**" }
    return RouteText(
      host: [nil, nil, "a.com", "*.a.com", "x.a.com"].randomElement(using: &random) ?? nil,
      path: path.isEmpty ? "/" : path,
      methods: [[], [], ["GET"], ["POST"], ["GET", "PUT"], ["HEAD"]].randomElement(using: &random) ?? [])
  }

  private static func request(_ random: inout SeededGenerator) -> (String, String, String) {
    var path = ""
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      path += "/" + (["a", "b", "x", "xx", "c"].randomElement(using: &random) ?? "a")
    }
    return (
      ["GET", "HEAD", "POST", "PUT", "ANY"].randomElement(using: &random) ?? "",
      ["a.com", "x.a.com", "y.a.com", "b.com"].randomElement(using: &random) ?? "", path.isEmpty ? "/" : path
    )
  }

  @Test("A route that any request reaches is reached by one of its own", arguments: 0..<20)
  func reach(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<20 {
      let routes = (0..<Int.random(in: 1...10, using: &random)).map { _ in Self.route(&random) }
      let patterns = try routes.map { try $0.pattern() }
      let table = RouteTable(patterns)
      let witnesses = RouteWitnesses(patterns)
      let reached = Set(
        patterns.indices.filter { index in
          witnesses.requests(of: patterns[index]).contains { table.match($0.method, $0.host, $0.path) == index }
        })
      for index in patterns.indices {
        for each in witnesses.requests(of: patterns[index]) {
          #expect(routes[index].matches(each.method, each.host, each.path), "\(each) of \(routes[index])")
        }
      }
      for _ in 0..<200 {
        let (method, host, path) = Self.request(&random)
        if let index = table.match(method, host, path) {
          #expect(reached.contains(index), "\(method) \(host) \(path) reaches \(routes[index]) of \(routes)")
        }
      }
    }
  }

  @Test("The index finds what a look at all routes finds", arguments: 0..<20)
  func index(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<20 {
      let patterns = try (0..<Int.random(in: 1...20, using: &random)).map { _ in try Self.route(&random).pattern() }
      let groups = patterns.map { _ in Int.random(in: 0...2, using: &random) }
      let witnesses = RouteWitnesses(patterns)
      var index = RoutePatternIndex()
      var coverage = RouteCoverage()
      for (route, pattern) in patterns.enumerated() {
        index.insert(pattern, route: route, group: groups[route])
        #expect(coverage.add(pattern) == patterns[..<route].firstIndex { $0.covers(pattern) })
      }
      let places = patterns.map { RoutePattern(host: $0.host, path: $0.path, methods: []) }
      for (route, place) in places.enumerated() {
        let after = Int.random(in: -1..<patterns.count, using: &random)
        #expect(
          index.overlapping(patterns[route], after: after, otherThan: groups[route])
            == places.indices.filter { other in
              other > after && groups[other] != groups[route]
                && !witnesses.requests(of: place, and: places[other]).isEmpty
            })
        var covering: [Int] = []
        index.forEachCovering(patterns[route]) { covering.append($0) }
        #expect(covering.sorted() == places.indices.filter { places[$0].covers(place) })
      }
    }
  }

  @Test("A route that decides any request of a later one decides one of their witnesses", arguments: 0..<20)
  func overlap(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<20 {
      let routes = (0..<Int.random(in: 2...8, using: &random)).map { _ in Self.route(&random) }
      let patterns = try routes.map { try $0.pattern() }
      let table = RouteTable(patterns)
      let witnesses = RouteWitnesses(patterns)
      for _ in 0..<200 {
        let (method, host, path) = Self.request(&random)
        guard let first = table.match(method, host, path) else { continue }
        for other in patterns.indices where other > first && routes[other].matches(method, host, path) {
          let found = witnesses.requests(of: patterns[first], and: patterns[other])
          #expect(
            found.contains { table.match($0.method, $0.host, $0.path) == first },
            "\(method) \(host) \(path) of \(routes[other]) is decided by \(routes[first]) of \(routes)")
        }
      }
    }
  }

  @Test("A request of two routes is one of both; without one there is none", arguments: 0..<20)
  func both(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<100 {
      let (left, right) = (Self.route(&random), Self.route(&random))
      let patterns = [try left.pattern(), try right.pattern()]
      let found = RouteWitnesses(patterns).requests(of: patterns[0], and: patterns[1])
      for found in found {
        #expect(left.matches(found.method, found.host, found.path), "\(found) of \(left)")
        #expect(right.matches(found.method, found.host, found.path), "\(found) of \(right)")
      }
      for _ in 0..<50 {
        let (method, host, path) = Self.request(&random)
        if left.matches(method, host, path), right.matches(method, host, path) {
          #expect(!found.isEmpty, "\(method) \(host) \(path) is one of \(left) and \(right)")
        }
      }
    }
  }
}
