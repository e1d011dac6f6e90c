/// Finds routes that an earlier one leaves nothing.
public struct RouteCoverage {
  private typealias Entry = (pattern: RoutePattern, index: Int)

  /// By the first segment, so that routes to many applications are not all compared with each other.
  private var literal: [[UInt8]: [Entry]] = [:]
  /// Those that begin with any segment, or with none.
  private var open: [Entry] = []
  private var count = 0

  public init() {}

  /// Adds the next route.
  ///
  /// - Returns: The index of the first earlier one that covers it.
  public mutating func add(_ pattern: RoutePattern) -> Int? {
    defer { count += 1 }
    let entry = (pattern, count)
    var covering = open.first { $0.pattern.covers(pattern) }?.index
    guard case .literal(let segment)? = pattern.path.segments.first else {
      open.append(entry)
      return covering
    }
    if let found = literal[segment]?.first(where: { $0.pattern.covers(pattern) }) {
      covering = min(covering ?? found.index, found.index)
    }
    literal[segment, default: []].append(entry)
    return covering
  }
}
