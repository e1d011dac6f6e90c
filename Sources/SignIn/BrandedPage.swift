import Configuration
import Crypto
import HTTP
import OAuth
import Reason

/// What the pages of a sign-in have in common: the application's logo and colour, and that they load nothing, run nothing
/// and stand in no frame (SECURITY C-12).
struct BrandedPage: Sendable {
  /// The application's; HTML.
  let title: String
  private let logo: String
  private let style: String
  private let contentSecurityPolicy: String

  init(_ configuration: SignInConfiguration) throws(CryptoError) {
    title = HTMLText.escaped(configuration.title)
    let picture = configuration.logo.map { "data:\($0.mediaType);base64,\(Base64.text($0.bytes))" }
    logo = picture.map { "<img src=\"\($0)\" alt=\"\">\n" } ?? ""
    style = BrandedPage.style(accent: configuration.accent ?? "#1f6feb")
    let hash = Base64.text(try HashFunction.sha256.digest(of: [UInt8](style.utf8).span))
    contentSecurityPolicy =
      "default-src 'none'; style-src 'sha256-\(hash)'; img-src data:; form-action 'self'; "
      + "frame-ancestors 'none'; base-uri 'none'"
  }

  /// - Parameters:
  ///   - title: HTML.
  ///   - main: What stands below the title; HTML.
  ///   - reason: Why the page says that something did not go well.
  func response(
    status: Int, title: String, main: String, cookies: [String], fields: [(name: String, value: String)],
    reason: Reason?
  ) -> LocalResponse {
    let retryAfter = reason?.retryAfterSeconds.map { [("Retry-After", "\($0)")] } ?? []
    return LocalResponse(
      status: status,
      fields: [
        ("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", contentSecurityPolicy),
        ("Referrer-Policy", "same-origin"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"), ("Cross-Origin-Opener-Policy", "same-origin"),
      ] + (status == 401 ? [("WWW-Authenticate", "Bearer")] : []) + retryAfter + fields
        + cookies.map { ("Set-Cookie", $0) },
      body: Page.body(title: title, style: style, main: "\(logo)<h1>\(title)</h1>\n\(main)"), reason: reason)
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
    a{color:inherit}\
    button{width:100%;margin-top:1.5rem;padding:.65rem;font:inherit;font-weight:600;border:0;border-radius:.4rem;\
    background:\(accent);color:\(textOn(accent));cursor:pointer}\
    a:focus-visible,input:focus-visible,button:focus-visible{outline:3px solid \(accent);outline-offset:2px}\
    [role]{margin:0;padding:.75rem;border:1px solid;border-radius:.4rem}\
    [role=alert]{border-color:#cf222e;background:light-dark(#ffebe9,#3c1618)}\
    [role=status]{border-color:#1a7f37;background:light-dark(#dafbe1,#0f2d18)}
    """
  }

  /// Black or white, whichever has more contrast with the colour (WCAG 2.2, relative luminance, roughly).
  private static func textOn(_ accent: String) -> String {
    guard let color = UInt32(accent.dropFirst(), radix: 16) else { return "#fff" }
    let weighted = (color >> 16 & 255) * 299 + (color >> 8 & 255) * 587 + (color & 255) * 114
    return weighted > 150_000 ? "#000" : "#fff"
  }
}
