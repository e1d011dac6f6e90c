import Crypto
import Tokens

/// The cookies of the ways to the provider that one browser is on.
///
/// Tabs that open at once know nothing of each other's, so each takes one of many places, of which its cookie's name
/// speaks; how many of them a browser keeps is bounded as soon as the next way begins. Ways that people begin, and ways
/// that pages of other sites have their browser begin, have places and bounds of their own: whatever such a page does, it
/// takes no other way's place, and has no other forgotten.
enum FlowCookies {
  /// Who has a browser begin a way.
  enum Origin {
    /// The person, or a page of this host.
    case own
    /// A page of another site, as the browser says; or something that is no page at all, like an image.
    case other

    /// Where their cookies are.
    fileprivate var places: Range<Int> {
      switch self {
      case .own: 0..<CodeFlow.flowPlaces
      case .other: CodeFlow.flowPlaces..<(CodeFlow.flowPlaces + CodeFlow.flowPlacesOfOthers)
      }
    }

    /// What is no place of anybody's is in everybody's way.
    fileprivate func counts(_ place: Int?) -> Bool {
      guard let place, Origin.all.contains(place) else { return true }
      return places.contains(place)
    }

    private static let all = 0..<(CodeFlow.flowPlaces + CodeFlow.flowPlacesOfOthers)
  }

  /// A cookie as a browser has it.
  struct Cookie {
    /// nil where its name is of none.
    let place: Int?
    let value: String
    let name: String
  }

  /// As a browser begins another way of that origin: of those that began last it keeps as many as it may; those that
  /// nobody here can open are forgotten first.
  ///
  /// - Parameters:
  ///   - cookies: In the order in which the browser sent them.
  ///   - beganAt: When the way of a cookie's value began; nil where it does not open, or is too old.
  /// - Returns: What it keeps of that origin, and the names of what it is to forget.
  static func kept(
    of cookies: [Cookie], _ origin: Origin, beganAt: (String) -> UnixSeconds?
  ) -> (kept: [Cookie], surplus: [String]) {
    // Of one second, those that are sent later are the newer ones (RFC 6265 §5.4).
    let newestFirst = cookies.filter { origin.counts($0.place) }.enumerated()
      .map { (order: $0.offset, at: beganAt($0.element.value) ?? .min, cookie: $0.element) }
      .sorted { ($0.at, $0.order) > ($1.at, $1.order) }.map(\.cookie)
    return (
      Array(newestFirst.prefix(CodeFlow.flowsMax - 1)),
      newestFirst.dropFirst(CodeFlow.flowsMax - 1).prefix(forgottenMax).map(\.name)
    )
  }

  /// A place for the cookie of another way: none of those that are kept, which are fewer than there are.
  static func draw(besides kept: [Cookie], _ origin: Origin) throws(CryptoError) -> Int {
    let taken = Set(kept.compactMap(\.place))
    let free = origin.places.filter { !taken.contains($0) }
    let random = try RandomBytes.make(2)
    return free[(Int(random[0]) << 8 | Int(random[1])) % free.count]
  }

  /// Whatever a browser sends, the response is not large: the rest is forgotten with the next one.
  private static let forgottenMax = 32
}
