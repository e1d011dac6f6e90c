/// An example of a request, to be shown to people.
public struct RouteWitness: Sendable, Hashable {
  /// The method, as in a request line.
  public let method: String
  /// The host, without a port.
  public let host: String
  /// The path in its canonical form.
  public let path: String

  /// An example with these parts.
  public init(method: String, host: String, path: String) {
    self.method = method
    self.host = host
    self.path = path
  }
}

/// Examples of requests that represent all that a pattern matches, as far as other patterns can tell them apart.
///
/// Where a pattern matches anything, a word stands that no pattern names: a pattern that matches it there matches
/// anything there. So a route is reached by one of its witnesses or by no request at all.
public struct RouteWitnesses: Sendable {
  private let word: String
  private let segmentsMax: Int

  /// Chooses the word.
  ///
  /// - Parameter patterns: All patterns that exist.
  public init(_ patterns: [RoutePattern]) {
    var taken: Set<String> = []
    for pattern in patterns {
      for segment in pattern.path.segments {
        if case .literal(let bytes) = segment { taken.insert(String(decoding: bytes, as: UTF8.self).lowercased()) }
      }
      for method in pattern.methods { taken.insert(method.lowercased()) }
      if let name = pattern.host.name { taken.formUnion(name.split(separator: ".").map(String.init)) }
    }
    var word = "x"
    while taken.contains(word) { word += "x" }
    self.word = word
    segmentsMax = patterns.map { $0.path.segments.count }.max() ?? 0
  }

  /// The witnesses of one pattern, the plainest first.
  public func requests(of pattern: RoutePattern) -> [RouteWitness] {
    // Behind the longest pattern one more segment makes no difference.
    let count = pattern.path.segments.count
    let rests = pattern.path.matchesBelow ? Array(0...max(0, segmentsMax - count) + 1) : [0]
    let methods = pattern.methods.isEmpty ? ["GET", word.uppercased()] : pattern.methods
    let start = path(pattern.path.segments)
    var requests: [RouteWitness] = []
    for method in methods {
      for rest in rests {
        let path = start + String(repeating: "/" + word, count: rest)
        requests.append(
          RouteWitness(method: method, host: host(pattern.host), path: path.isEmpty ? "/" : path))
      }
    }
    return requests
  }

  /// A request that both patterns match; nil if there is none.
  public func request(of left: RoutePattern, and right: RoutePattern) -> RouteWitness? {
    guard let segments = RouteWitnesses.both(left.path, right.path),
      let host = RouteWitnesses.both(left.host, right.host), let method = method(left.methods, right.methods)
    else { return nil }
    let path = path(segments)
    return RouteWitness(method: method, host: self.host(host), path: path.isEmpty ? "/" : path)
  }

  private func path(_ segments: [PathPattern.Segment]) -> String {
    segments.map { "/" + ($0.literalText ?? word) }.joined()
  }

  private func host(_ pattern: HostPattern) -> String {
    switch pattern {
    case .any: word
    case .exact(let name): name
    case .below(let name): "\(word).\(name)"
    }
  }

  private func method(_ left: [String], _ right: [String]) -> String? {
    func takes(_ methods: [String], _ method: String) -> Bool {
      methods.isEmpty || methods.contains(method) || (method == "HEAD" && methods.contains("GET"))
    }
    return (left + right + ["GET"]).first { takes(left, $0) && takes(right, $0) }
  }

  private static func both(_ left: HostPattern, _ right: HostPattern) -> HostPattern? {
    if left.covers(right) { return right }
    return right.covers(left) ? left : nil
  }

  private static func both(_ left: PathPattern, _ right: PathPattern) -> [PathPattern.Segment]? {
    let (short, long) = left.segments.count <= right.segments.count ? (left, right) : (right, left)
    guard short.segments.count == long.segments.count || short.matchesBelow else { return nil }
    var segments = long.segments
    for index in short.segments.indices where short.segments[index] != segments[index] {
      if segments[index] == .any {
        segments[index] = short.segments[index]
      } else if short.segments[index] != .any {
        return nil
      }
    }
    return segments
  }
}

extension HostPattern {
  var name: String? {
    switch self {
    case .any: nil
    case .exact(let name), .below(let name): name
    }
  }
}
