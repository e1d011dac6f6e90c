import Configuration
import Crypto
import HTTP
import Tokens

/// What the forms of the gateway's own pages have to repeat (SECURITY C-8).
///
/// It is of the browser, and not of a page or of who is signed in there: it outlives a sign-in, so that login pages which
/// are open in other tabs stay good. Another password ends it, so that its form, sent again by a reload, is no try with a
/// wrong one; and signing out does, so that a form that is sent again, from the history of a browser that others use too,
/// signs nobody in. Nothing is lost by that. It keeps other sites from sending a form, and their pages
/// know no more of it after a sign-in than before: they can neither read the cookie nor, over https, set one
/// (`__Host-`). Whoever has read it in this very browser still is not a page of its origin, which the form has to come
/// from too.
extension SignInService {
  struct FormToken: Sendable {
    let text: String
    /// The Set-Cookie value of its cookie, which only this host can have set.
    let cookie: String
  }

  /// nil if OpenSSL fails, which is said.
  func formToken(_ request: LocalRequest) -> FormToken? {
    let name = configuration.cookies.login
    let text: String
    if let known = request.cookie(name), SignInService.isFormToken(known) {
      text = known
    } else {
      do throws(CryptoError) {
        text = Base64URL.text(try RandomBytes.make(16))
      } catch {
        failed(error.description)
        return nil
      }
    }
    // A known one too: its hour begins anew with each page, and pages that are open beside this one stay good.
    return FormToken(
      text: text, cookie: configuration.cookies.set(name, text, seconds: SignInService.formTokenSeconds))
  }

  /// Whether a form comes from a page of the gateway's own that this browser has.
  func isOfOwnForm(_ request: LocalRequest, _ form: FormFields) -> Bool {
    guard request.isOfOwnPage, let sent = form["csrf"], let kept = request.cookie(configuration.cookies.login),
      SignInService.isFormToken(kept)
    else { return false }
    return ConstantTime.areEqual(sent.span, [UInt8](kept.utf8).span)
  }

  /// The Set-Cookie value that takes it from a browser: it has done its work.
  var clearedFormToken: String { configuration.cookies.set(configuration.cookies.login, "", seconds: 0) }

  private static let formTokenSeconds: Int64 = 3600

  private static func isFormToken(_ text: String) -> Bool { Base64URL.decode(text)?.count == 16 }
}
