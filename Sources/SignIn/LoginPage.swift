import Configuration
import Crypto
import HTTP
import OAuth
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

    var text: String {
      switch self {
      case .wrongPassword: "This user name and password do not fit together."
      case .tooManyTries(let seconds):
        "Too many tries. Try again in \(seconds < 60 ? "\(max(1, seconds)) seconds" : "\((seconds + 59) / 60) minutes")."
      case .busy: "Many people are signing in. Try again in a few seconds."
      case .outdated: "This page was open for too long, or cookies are off. Try again."
      case .failed: "Signing in does not work at the moment. Try again later."
      }
    }
  }

  private let path: String
  private let title: String
  private let logo: String
  private let style: String
  private let contentSecurityPolicy: String

  init(_ configuration: SignInConfiguration) throws(CryptoError) {
    path = configuration.path
    title = HTMLText.escaped(configuration.title)
    let picture = configuration.logo.map { "data:\($0.mediaType);base64,\(Base64.text($0.bytes))" }
    logo = picture.map { "<img src=\"\($0)\" alt=\"\">\n" } ?? ""
    style = LoginPage.style(accent: configuration.accent ?? "#1f6feb")
    let hash = Base64.text(try HashFunction.sha256.digest(of: [UInt8](style.utf8).span))
    contentSecurityPolicy =
      "default-src 'none'; style-src 'sha256-\(hash)'; img-src data:; form-action 'self'; "
      + "frame-ancestors 'none'; base-uri 'none'"
  }

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
      \(logo)<h1>\(title)</h1>
      \(alert)<form method="post" action="\(path)/login">
      <input type="hidden" name="csrf" value="\(HTMLText.escaped(csrf))">
      <input type="hidden" name="return_to" value="\(HTMLText.escaped(returnTo))">
      <label for="username">User name</label>
      <input id="username" name="username" value="\(HTMLText.escaped(username))" type="text" autocomplete="username" \
      autocapitalize="none" spellcheck="false" maxlength="128" required\(focusName)\(described)\(isInvalid)>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" maxlength="511" \
      required\(focusPassword)\(described)\(isInvalid)>
      <button type="submit">Sign in</button>
      </form>
      """
    return LocalResponse(
      status: status,
      fields: [
        ("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", contentSecurityPolicy),
        ("Referrer-Policy", "same-origin"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"), ("Cross-Origin-Opener-Policy", "same-origin"),
      ] + (status == 401 ? [("WWW-Authenticate", "Bearer")] : []) + fields + cookies.map { ("Set-Cookie", $0) },
      body: Page.body(title: title, style: style, main: main), reason: reason)
  }

  /// - Parameter accent: `#rrggbb`.
  private static func style(accent: String) -> String {
    """
    :root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
    body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f6f8fa,#0d1117);\
    color:light-dark(#1f2328,#f0f6fc)}\
    main{box-sizing:border-box;width:min(24rem,100vw);padding:2rem 1.5rem}\
    img{display:block;max-width:10rem;max-height:5rem;margin:0 auto 1rem}\
    h1{font-size:1.5rem;text-align:center;margin:0 0 1.5rem}\
    label{display:block;margin:1rem 0 .25rem;font-weight:600}\
    input{box-sizing:border-box;width:100%;padding:.6rem .75rem;font:inherit;border:1px solid #8b949e;\
    border-radius:.4rem;background:light-dark(#fff,#010409);color:inherit}\
    button{width:100%;margin-top:1.5rem;padding:.65rem;font:inherit;font-weight:600;border:0;border-radius:.4rem;\
    background:\(accent);color:\(textOn(accent));cursor:pointer}\
    input:focus-visible,button:focus-visible{outline:3px solid \(accent);outline-offset:2px}\
    [role=alert]{margin:0;padding:.75rem;border:1px solid #cf222e;border-radius:.4rem;\
    background:light-dark(#ffebe9,#3c1618)}
    """
  }

  /// Black or white, whichever has more contrast with the colour (WCAG 2.2, relative luminance, roughly).
  private static func textOn(_ accent: String) -> String {
    guard let color = UInt32(accent.dropFirst(), radix: 16) else { return "#fff" }
    let weighted = (color >> 16 & 255) * 299 + (color >> 8 & 255) * 587 + (color & 255) * 114
    return weighted > 150_000 ? "#000" : "#fff"
  }
}
