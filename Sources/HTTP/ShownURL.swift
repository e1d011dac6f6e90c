/// A URL, or a path, as people, logs and answers are shown it: its query, and who stands before `@`, may be a secret
/// (SECURITY L-2, RFC 3986 §3.2.1).
public struct ShownURL: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ url: String) {
    let end = url.firstIndex(of: "?") ?? url.endIndex
    let shown = ShownURL.withoutUser(url[..<end])
    description = end == url.endIndex ? shown : "\(shown)?\(ShownURL.hidden)"
  }

  private static let hidden = "(hidden)"

  private static func withoutUser(_ url: Substring) -> String {
    guard let authority = url.firstRange(of: "://")?.upperBound else { return String(url) }
    let path = url[authority...].firstIndex(of: "/") ?? url.endIndex
    guard let at = url[authority..<path].lastIndex(of: "@") else { return String(url) }
    return "\(url[..<authority])\(hidden)\(url[at...])"
  }
}
