/// A URL, or a path, as people, logs and answers are shown it: its query, and who stands before `@`, may be a secret
/// (SECURITY L-2, RFC 3986 §3.2.1).
public struct ShownURL: Sendable, Hashable, CustomStringConvertible {
  /// The URL, with `(hidden)` instead of what may be a secret.
  public let description: String

  /// - Parameter url: Any text: it need not be a valid URL.
  public init(_ url: String) {
    let end = url.firstIndex(of: "?") ?? url.endIndex
    guard let shown = ShownURL.withoutUser(url[..<end], before: url[end...]) else {
      description = ShownURL.hidden
      return
    }
    description = end == url.endIndex ? shown : "\(shown)?\(ShownURL.hidden)"
  }

  private static let hidden = "(hidden)"

  /// A password that should have been escaped may hold any character: what stands before any `@` may be one.
  ///
  /// - Returns: nil where the query may be the rest of one.
  private static func withoutUser(_ url: Substring, before query: Substring) -> String? {
    guard let authority = url.firstRange(of: "://")?.upperBound ?? ShownURL.authority(unmarkedIn: url) else {
      return String(url)
    }
    if let at = url[authority...].lastIndex(of: "@") { return "\(url[..<authority])\(hidden)\(url[at...])" }
    let mayBeUser = !url[authority...].contains("/") || url[authority...].contains(":")
    return query.contains("@") && mayBeUser ? nil : String(url)
  }

  /// Of what was meant as a URL: where it may have a password.
  private static func authority(unmarkedIn url: Substring) -> Substring.Index? {
    url.hasPrefix("/") || !url.contains(":") ? nil : url.startIndex
  }
}
