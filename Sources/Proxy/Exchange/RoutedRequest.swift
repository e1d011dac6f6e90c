import HTTP

/// A request whose route is known, while it is decided. Its bytes are passed separately, as a `Span` cannot be stored.
struct RoutedRequest {
  let head: RequestHead
  /// The canonical path.
  let path: [UInt8]
  let route: ActiveRoute
  let active: ActiveConfiguration
  let context: DecisionContext

  /// Where users sign in for it; nil if nowhere.
  func signIn(_ bytes: Span<UInt8>) -> ActiveSignIn? { active.signIn(of: route, head, bytes) }
}
