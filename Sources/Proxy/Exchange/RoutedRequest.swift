import Configuration
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

  /// Whether the cookie of a new sign-in would be this request's credential in place of `credential`: nothing that
  /// takes precedence over it may be there, or the browser would be redirected without end. Cookies are gone through in
  /// the order of `TokenAuthentication.find`.
  func isReplaced(_ credential: Credential, bySigningInAt signIn: ActiveSignIn, _ bytes: Span<UInt8>) -> Bool {
    switch credential {
    case .authorization, .webSocketProtocol: return false
    case .absent, .cookie, .session: break
    }
    for provider in route.configuration.providers {
      let places = active.credentialPlaces[provider]
      for name in places.cookies + (places.session.map { [$0] } ?? []) {
        let found = head.cookieLine < 0 ? .absent : CookieLine.find(name, in: bytes, head.fields[head.cookieLine].value)
        let isOwn = name == signIn.cookie
        switch found {
        case .absent where isOwn: return true
        case .absent: continue
        case .found: return isOwn
        // It may be of another domain or path, and then stays.
        case .repeated: return false
        }
      }
    }
    return false
  }
}
