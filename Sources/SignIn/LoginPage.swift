import HTTP
import Reason

/// The login page: it works without scripts, and tells those who do not see it what it tells those who do (SECURITY C-12).
struct LoginPage: Sendable {
  /// What it says above the form.
  enum Message: Sendable {
    case wrongPassword
    case tooManyTries(seconds: Int64)
    case busy
    /// The form came from elsewhere, or too late.
    case outdated
    case failed
    /// The password is right, and the token would be refused.
    case refused

    var text: String {
      switch self {
      case .wrongPassword: "Wrong user name or password."
      case .tooManyTries(let seconds): Message.tooManyTries(seconds)
      case .busy: "Many people are signing in. Try again in a few seconds."
      case .outdated: "This page was open for too long, or cookies are off. Try again."
      case .failed: "Sign-in does not work at the moment. Try again later."
      case .refused: "You may not use this application."
      }
    }

    static func tooManyTries(_ seconds: Int64) -> String {
      "Too many attempts. Try again in \(duration(seconds))."
    }

    /// In words, rounded up.
    static func duration(_ seconds: Int64) -> String {
      let (count, unit) = seconds < 60 ? (max(1, seconds), "second") : ((seconds + 59) / 60, "minute")
      return count == 1 ? "1 \(unit)" : "\(count) \(unit)s"
    }
  }

  /// Of the sign-in.
  let path: String
  let brand: BrandedPage

  /// - Parameters:
  ///   - returnTo: Where to go on, checked.
  ///   - csrf: What the form has to repeat.
  ///   - reason: Why the page is shown again.
  func response(
    status: Int = 200, message: Message? = nil, username: String = "", returnTo: String, csrf: String,
    cookies: [String] = [], fields: [(name: String, value: String)] = [], reason: Reason? = nil
  ) -> LocalResponse {
    let alert = message.map { "<p role=\"alert\" id=\"message\">\(HTMLText.escaped($0.text))</p>\n" } ?? ""
    let described = message == nil ? "" : " aria-describedby=\"message\""
    let isInvalid = if case .wrongPassword? = message { " aria-invalid=\"true\"" } else { "" }
    // Who has to write one thing only finds the cursor there.
    let (focusName, focusPassword) = username.isEmpty ? (" autofocus", "") : ("", " autofocus")
    let main = """
      \(alert)<form method="post" action="\(path)/login">
      <input type="hidden" name="csrf" value="\(HTMLText.escaped(csrf))">
      <input type="hidden" name="return_to" value="\(HTMLText.escaped(returnTo))">
      <label for="username">User name</label>
      <input id="username" name="username" value="\(HTMLText.escaped(username))" type="text" autocomplete="username" \
      autocapitalize="none" spellcheck="false" maxlength="128" required\(focusName)\(described)\(isInvalid)>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" \
      required\(focusPassword)\(described)\(isInvalid)>
      <button type="submit">Sign in</button>
      </form>
      """
    return brand.response(
      status: status, title: brand.title, main: main, cookies: cookies, fields: fields, reason: reason)
  }

  /// What follows the form. No redirect: Chromium holds the whole chain of them to the page's `form-action`, and an
  /// application may redirect to another host.
  ///
  /// - Parameter returnTo: Where to go on, checked: nothing in it ends the field value or its URL.
  func signedIn(goingOnAt returnTo: String, cookies: [String]) -> LocalResponse {
    let main = """
      <p role="status">You are signed in. <a href="\(HTMLText.escaped(returnTo))">Continue</a></p>
      """
    return brand.response(
      status: 200, title: brand.title, main: main, cookies: cookies, fields: [("Refresh", "0; url=\(returnTo)")],
      reason: nil)
  }
}
