import Tokens

/// The cookies of the ways to the provider that one browser is on.
///
/// Tabs that open at once know nothing of each other's, so each takes one of many names; how many of them a browser keeps
/// is bounded as soon as the next way begins, so that its requests stay within what servers take.
enum FlowCookies {
  /// The names of those that the browser is to forget, as it begins another way: of the ones that began last it keeps as
  /// many as there is room for, and those that nobody here can open are forgotten first.
  ///
  /// - Parameters:
  ///   - cookies: In the order in which the browser sent them.
  ///   - bytes: Of the new one, name and value.
  ///   - beganAt: When the way of a cookie's value began; nil where it does not open, or is too old.
  static func surplus(
    of cookies: [(name: String, value: String)], besides bytes: Int, beganAt: (String) -> UnixSeconds?
  ) -> [String] {
    // Of one second, those that are sent later are the newer ones (RFC 6265 §5.4).
    let newestFirst = cookies.enumerated().map { (order: $0.offset, at: beganAt($0.element.value) ?? .min) }
      .sorted { ($0.at, $0.order) > ($1.at, $1.order) }
    var (count, total) = (1, bytes)
    var surplus: [String] = []
    for place in newestFirst {
      let cookie = cookies[place.order]
      let size = size(cookie.name, cookie.value)
      if count < CodeFlow.flowsMax, total + size <= CodeFlow.flowCookieBytesMax {
        count += 1
        total += size
      } else {
        surplus.append(cookie.name)
      }
    }
    return Array(surplus.prefix(forgottenMax))
  }

  /// As a Cookie line counts it.
  static func size(_ name: String, _ value: String) -> Int { name.utf8.count + value.utf8.count + 3 }

  /// Whatever a browser sends, the response is not large: the rest is forgotten with the next one.
  private static let forgottenMax = 32
}
