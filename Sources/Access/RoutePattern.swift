/// Which requests a route matches.
public struct RoutePattern: Sendable, Hashable {
  /// The hosts that it matches.
  public var host: HostPattern
  /// The paths that it matches.
  public var path: PathPattern
  /// The methods that it matches, compared byte for byte (RFC 9110 §9.1); empty: all. With GET, HEAD matches too.
  public var methods: [String]

  /// A pattern of valid parts.
  public init(host: HostPattern, path: PathPattern, methods: [String]) {
    self.host = host
    self.path = path
    self.methods = methods
  }
}

extension RoutePattern {
  /// Whether every request that matches `other` matches this one too: after it, `other` never gets one.
  public func covers(_ other: RoutePattern) -> Bool {
    host.covers(other.host) && path.covers(other.path) && coversMethods(of: other)
  }

  private func coversMethods(of other: RoutePattern) -> Bool {
    if methods.isEmpty { return true }
    return !other.methods.isEmpty
      && other.methods.allSatisfy { methods.contains($0) || ($0 == "HEAD" && methods.contains("GET")) }
  }
}

extension HostPattern {
  /// Whether every host that matches `other` matches this one too.
  public func covers(_ other: HostPattern) -> Bool {
    switch (self, other) {
    case (.any, _): true
    case (.below(let name), .exact(let below)): below.hasSuffix("." + name)
    case (.below(let name), .below(let below)): below == name || below.hasSuffix("." + name)
    default: self == other
    }
  }
}

extension PathPattern {
  fileprivate func covers(_ other: PathPattern) -> Bool {
    guard matchesBelow ? other.segments.count >= segments.count : other.segments.count == segments.count,
      matchesBelow || !other.matchesBelow
    else { return false }
    return zip(segments, other.segments).allSatisfy { $0 == .any || $0 == $1 }
  }
}
