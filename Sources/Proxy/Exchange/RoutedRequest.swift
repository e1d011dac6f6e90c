import HTTP

/// A request whose route is known, on the way to what becomes of it. Its bytes stand beside it: they are not kept.
struct RoutedRequest {
  let head: RequestHead
  /// Canonical.
  let path: [UInt8]
  let route: ActiveRoute
  let active: ActiveConfiguration
  let context: DecisionContext

  /// Where people sign in for it; nil: nowhere.
  func signIn(_ bytes: Span<UInt8>) -> ActiveSignIn? { active.signIn(of: route, head, bytes) }
}
