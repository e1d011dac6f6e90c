/// Finds routes that can get no request, as an earlier one matches all of theirs.
public struct RouteCoverage {
  private var index = RoutePatternIndex()
  private var patterns: [RoutePattern] = []

  /// No routes yet; they are added in their order.
  public init() {}

  /// Adds the next route.
  ///
  /// - Returns: The index of the first earlier one that covers it.
  public mutating func add(_ pattern: RoutePattern) -> Int? {
    var first: Int?
    index.forEachCovering(pattern) { route in
      if route < first ?? .max, patterns[route].covers(pattern) { first = route }
    }
    // What a covered one covers, the first one does too.
    if first == nil { index.insert(pattern, route: patterns.count) }
    patterns.append(pattern)
    return first
  }
}
