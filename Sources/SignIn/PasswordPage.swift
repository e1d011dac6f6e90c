import HTTP
import Reason

/// The page at which people change their own passwords: as the login page, it works without scripts, and tells those who
/// do not see it what it tells those who do (SECURITY C-12).
struct PasswordPage: Sendable {
  /// Why the form is shown again.
  enum Message: Sendable {
    case wrongPassword
    case tooManyTries(seconds: Int64)
    case busy
    /// The new password was not written the same twice.
    case different
    /// No password may be like the new one.
    case refused
    case failed

    var text: String {
      switch self {
      case .wrongPassword: "The current password is wrong."
      case .tooManyTries(let seconds): LoginPage.Message.tooManyTries(seconds)
      case .busy: LoginPage.Message.busy.text
      case .different: "The two new passwords do not match."
      case .refused: "The new password must have at least 8 characters, and at most 511 bytes."
      case .failed: "The password could not be changed. Try again later."
      }
    }

    /// The field that is to be written anew.
    fileprivate var field: Field {
      switch self {
      case .wrongPassword, .tooManyTries, .busy, .failed: .current
      case .different, .refused: .new
      }
    }

    /// Whether what was in that field is wrong.
    fileprivate var isOfField: Bool {
      switch self {
      case .wrongPassword, .different, .refused: true
      case .tooManyTries, .busy, .failed: false
      }
    }
  }

  /// Why there is no form.
  enum Obstacle: Sendable {
    /// The form came from elsewhere, or too late.
    case outdated
    case signedOut
    /// The users file does not have who this is, or has them disabled.
    case noUser
    case busy
    case failed

    fileprivate var text: String {
      switch self {
      case .outdated: LoginPage.Message.outdated.text
      case .signedOut: "You are signed out. Sign in to change your password."
      case .noUser: "This account has no password that can be changed here."
      case .busy: LoginPage.Message.busy.text
      case .failed: Message.failed.text
      }
    }
  }

  fileprivate enum Field: String {
    case current = "current_password"
    case new = "new_password"
    case again = "new_password_again"
  }

  /// Of the sign-in.
  let path: String
  let brand: BrandedPage

  /// - Parameters:
  ///   - username: Whose password it is.
  ///   - csrf: What the form has to repeat.
  ///   - reason: Why the page is shown again.
  func form(
    status: Int = 200, message: Message? = nil, username: String, csrf: String, cookies: [String],
    fields: [(name: String, value: String)] = [], reason: Reason? = nil
  ) -> LocalResponse {
    let alert = message.map { "<p role=\"alert\" id=\"message\">\(HTMLText.escaped($0.text))</p>\n" } ?? ""
    // Password managers read of the hidden name whose passwords these are.
    let main = """
      \(alert)<p>You are signed in as \(HTMLText.escaped(username)).</p>
      <form method="post" action="\(path)/password">
      <input type="hidden" name="csrf" value="\(HTMLText.escaped(csrf))">
      <input type="text" name="username" value="\(HTMLText.escaped(username))" autocomplete="username" readonly hidden>
      \(input(.current, "Current password", autocomplete: "current-password", message))
      \(input(.new, "New password", autocomplete: "new-password", message))
      <p id="rule">8 characters or more. You will be signed out everywhere else.</p>
      \(input(.again, "New password, again", autocomplete: "new-password", message))
      <button type="submit">Change password</button>
      </form>
      """
    return brand.response(
      status: status, title: PasswordPage.title, main: main, cookies: cookies, fields: fields, reason: reason)
  }

  private func input(_ field: Field, _ label: String, autocomplete: String, _ message: Message?) -> String {
    let isAtFault = message?.isOfField == true && message?.field == field
    var descriptions: [String] = []
    if isAtFault { descriptions.append("message") }
    if field == .new { descriptions.append("rule") }
    let described = descriptions.isEmpty ? "" : " aria-describedby=\"\(descriptions.joined(separator: " "))\""
    let invalid = isAtFault ? " aria-invalid=\"true\"" : ""
    let focus = field == message?.field ?? .current ? " autofocus" : ""
    let length = field == .current ? "" : " minlength=\"8\""
    // No longest one: a browser would cut what is pasted, and not say so.
    return """
      <label for="\(field.rawValue)">\(label)</label>
      <input id="\(field.rawValue)" name="\(field.rawValue)" type="password" autocomplete="\(autocomplete)"\(length) \
      required\(focus)\(described)\(invalid)>
      """
  }

  /// - Parameter othersEndWithin: Seconds until no other sign-in of theirs is let in; nil: they have ended.
  func changed(othersEndWithin: Int64?, cookies: [String]) -> LocalResponse {
    let others =
      othersEndWithin.map {
        "You could not be signed out everywhere else at once: that takes up to \(LoginPage.Message.duration($0))."
      } ?? "You are signed out everywhere else."
    let main = """
      <p role="status">From now on, use the new one to sign in. \(others)</p>
      <p><a href="/">Continue</a></p>
      """
    return brand.response(
      status: 200, title: "Your password has been changed", main: main, cookies: cookies, fields: [], reason: nil)
  }

  func refusal(_ obstacle: Obstacle, reason: Reason) -> LocalResponse {
    let link =
      switch obstacle {
      case .outdated, .busy, .failed: "<a href=\"\(path)/password\">Try again</a>"
      case .signedOut: "<a href=\"\(loginThenThis)\">Sign in</a>"
      case .noUser: "<a href=\"\(loginThenThis)\">Sign in as someone else</a>"
      }
    let main = """
      <p role="alert">\(HTMLText.escaped(obstacle.text))</p>
      <p>\(link)</p>
      """
    return brand.response(
      status: reason.status, title: PasswordPage.title, main: main, cookies: [], fields: [], reason: reason)
  }

  /// Where people sign in, and come back from. The path has nothing that a query would have to escape.
  var loginThenThis: String { "\(path)/login?return_to=\(path)/password" }

  private static let title = "Change your password"
}
