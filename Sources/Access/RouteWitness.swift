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
  /// A method that no pattern names.
  private let otherMethod: String
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
    otherMethod =
      ["POST", "PUT", "PATCH", "DELETE"].first { !taken.contains($0.lowercased()) } ?? word.uppercased()
    segmentsMax = patterns.map { $0.path.segments.count }.max() ?? 0
  }

  /// The witnesses of one pattern, the plainest first.
  public func requests(of pattern: RoutePattern) -> [RouteWitness] {
    let methods = pattern.methods.isEmpty ? ["GET", otherMethod] : pattern.methods
    return requests(methods, pattern.host, pattern.path.segments, goingOn: pattern.path.matchesBelow)
  }

  /// The witnesses of what two patterns match both, the plainest first: if any such request reaches one of them, one of
  /// these does. Empty if there is none.
  public func requests(of left: RoutePattern, and right: RoutePattern) -> [RouteWitness] {
    guard let segments = RouteWitnesses.both(left.path, right.path), let host = left.host.common(with: right.host)
    else { return [] }
    return requests(
      methods(left.methods, right.methods), host, segments,
      goingOn: left.path.matchesBelow && right.path.matchesBelow)
  }

  private func requests(
    _ methods: [String], _ host: HostPattern, _ segments: [PathPattern.Segment], goingOn: Bool
  ) -> [RouteWitness] {
    // Behind the longest pattern one more segment makes no difference.
    let rests = goingOn ? max(0, segmentsMax - segments.count) + 1 : 0
    let (start, host) = (path(segments), self.host(host))
    var requests: [RouteWitness] = []
    for method in methods {
      for rest in 0...rests {
        let path = start + String(repeating: "/" + word, count: rest)
        requests.append(RouteWitness(method: method, host: host, path: path.isEmpty ? "/" : path))
      }
    }
    return requests
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

  /// Where both match GET, HEAD makes no difference: no pattern matches GET without it.
  private func methods(_ left: [String], _ right: [String]) -> [String] {
    func takes(_ methods: [String], _ method: String) -> Bool {
      methods.isEmpty || methods.contains(method) || (method == "HEAD" && methods.contains("GET"))
    }
    if left.isEmpty, right.isEmpty { return ["GET", otherMethod] }
    var taken: Set<String> = []
    return (left + right).filter { takes(left, $0) && takes(right, $0) && taken.insert($0).inserted }
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
  /// The hosts that both match; nil if there are none.
  public func common(with other: HostPattern) -> HostPattern? {
    if covers(other) { return other }
    return other.covers(self) ? self : nil
  }

  var name: String? {
    switch self {
    case .any: nil
    case .exact(let name), .below(let name): name
    }
  }
}
