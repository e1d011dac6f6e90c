import Access
import HTTP

extension RouteReview {
  /// Reports a route that forwards a request as one that another route, which asks for more, is for at the same upstream.
  ///
  /// Only what stands behind the route's own path is varied, where `strip_prefix` and the like leave it whole.
  mutating func reportForwardedPath(by index: Int) {
    guard case .upstream = routes[index].destination, let first = witnesses.requests(of: patterns[index]).first,
      let start = forwardedPath(of: first, by: index).map(RouteReview.withoutLastSlash),
      let pattern = forwardedPattern(from: start, by: index)
    else { return }
    let own = RouteReview.withoutLastSlash(first.path)
    let isFolded = isFolded(pattern.host)
    let places = isFolded ? foldedIndex : self.index
    for other in places.overlapping(pattern, after: -1, otherThan: ruleNumbers[index])
    where isPassed(other, by: index) {
      let passed = isFolded ? patterns[other].foldingCase : patterns[other]
      for forwarded in witnesses.requests(of: pattern, and: passed) where forwarded.path.hasPrefix(start) {
        guard triesLeft > 0 else { return }
        triesLeft -= 1
        let path = own + forwarded.path.dropFirst(start.count)
        let asked = RouteWitness(method: forwarded.method, host: forwarded.host, path: path.isEmpty ? "/" : path)
        guard takes(asked) == index, let path = forwardedPath(of: asked, by: index),
          takes(RouteWitness(method: asked.method, host: asked.host, path: path)) == other
        else { continue }
        let example = text(asked, at: patterns[index].host, patterns[other].host)
        warn(index, "\(example) is forwarded as \(path), for which \(place(of: other)) asks for more")
        return
      }
    }
  }

  /// What the route's requests are forwarded as; nil where it rewrites nothing.
  ///
  /// - Parameter start: As what the plainest is.
  private func forwardedPattern(from start: String, by index: Int) -> RoutePattern? {
    var pattern = patterns[index]
    guard routes[index].rewrite != nil,
      let path = try? PathPattern(pattern.path.matchesBelow ? start + "/**" : start.isEmpty ? "/" : start)
    else { return nil }
    pattern.path = path
    return isFolded(pattern.host) ? pattern.foldingCase : pattern
  }

  /// Whether requests of `other`, which asks for more, go to the same upstream as those of `index`, as they are.
  private func isPassed(_ other: Int, by index: Int) -> Bool {
    guard routes[other].destination == routes[index].destination, routes[other].rewrite == nil,
      patterns[other].path != .everything
    else { return false }
    return (isOpen[index] && !isOpen[other]) || requiresLess(index, than: other)
  }

  private func forwardedPath(of request: RouteWitness, by index: Int) -> String? {
    let routed = evaluator.route(EvaluatedRequest(method: request.method, host: request.host, target: request.path))
    guard let rewrite = routes[index].rewrite else { return nil }
    var path: [UInt8] = []
    do throws(PathError) {
      try rewrite.write(routed.path.span, keeping: routes[index].pathTraitsKept, to: &path)
    } catch {
      return nil
    }
    return String(decoding: path, as: UTF8.self)
  }

  private static func withoutLastSlash(_ path: String) -> String {
    path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}
