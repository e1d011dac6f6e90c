import HTTP
import Reason

/// Tells a person why signing in at the provider came to nothing. Nothing of it is the provider's or the browser's text.
enum FlowPage {
  /// - Parameters:
  ///   - tryAgain: Where to begin again; nil: nowhere.
  ///   - retryAfterSeconds: nil: the reason's.
  static func response(
    _ reason: Reason, _ request: LocalRequest, tryAgain: String?, cookies: [String] = [],
    retryAfterSeconds: Int64? = nil
  ) -> LocalResponse {
    let link = tryAgain.map { "<p><a href=\"\(HTMLText.escaped($0))\">Sign in again</a></p>\n" } ?? ""
    let main = """
      <h1>\(title)</h1>
      <p role="alert">\(text(reason))</p>
      \(link)<p>Request \(HTMLText.escaped(request.requestID))</p>
      """
    var fields: [(name: String, value: String)] = [
      ("Content-Type", "text/html; charset=utf-8"),
      ("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
      // The address has the provider's code in it.
      ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
      ("X-Frame-Options", "DENY"),
    ]
    if reason.status == 401 { fields.append(("WWW-Authenticate", "Bearer")) }
    if let seconds = retryAfterSeconds ?? reason.retryAfterSeconds {
      fields.append(("Retry-After", "\(seconds)"))
    }
    return LocalResponse(
      status: reason.status, fields: fields + cookies.map { ("Set-Cookie", $0) },
      body: Page.body(title: title, main: main), reason: reason)
  }

  private static let title = "Sign-in failed"

  private static func text(_ reason: Reason) -> String {
    switch reason {
    case .callbackInvalid: "This page was open for too long, was used before, or belongs to another browser."
    case .providerRefused: "The sign-in service has not let you in."
    case .authenticationInsufficient:
      "The sign-in service has let you in, but not in the way that this page asks for."
    case .tokenRevoked: "Your access has been revoked, or you have been signed out meanwhile."
    case .idTokenRefused: "The response of the sign-in service cannot be trusted."
    case .loginThrottled: "There were too many failed sign-ins from where you are. Try again in a few minutes."
    case .loginBusy: "Many people are signing in. Try again in a few seconds."
    default: "Sign-in does not work at the moment. Try again in a few seconds."
    }
  }
}
