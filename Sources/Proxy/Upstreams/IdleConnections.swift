/// How many upstream connections of one loop carry nothing, over all upstreams.
final class IdleConnections {
  private let most: Int
  private var count = 0

  init(max: Int) { most = max }

  /// Counts one more; false where that would be too many.
  func take() -> Bool {
    guard count < most else { return false }
    count += 1
    return true
  }

  func give(_ times: Int = 1) { count -= times }
}
