import Logging
import SignIn

extension SignInEvent {
  func write(to log: Logger, provider: String) {
    func line(_ fields: Logger.Metadata) -> Logger.Metadata {
      fields.merging(["provider": "\(provider)"]) { first, _ in first }
    }
    switch self {
    case .signedIn(let username, let id, let address):
      log.notice("signed in", metadata: line(["user": "\(username)", "sign_in": "\(id)", "client": "\(address)"]))
    case .failures(let count, let last, let address):
      var fields: Logger.Metadata = ["failures": "\(count)", "last_from": "\(address)"]
      // What was typed for a name may be a password.
      if let last { fields["last_of"] = "\(last)" }
      log.warning("sign-in failed", metadata: line(fields))
    case .failed(let why, let count):
      log.warning("sign-in failed", metadata: line(["why": "\(why)", "failures": "\(count)"]))
    case .throttled(let limit, let username, let address, let seconds):
      var fields: Logger.Metadata = ["limit": "\(limit.rawValue)", "client": "\(address)", "seconds": "\(seconds)"]
      if let username { fields["user"] = "\(username)" }
      log.warning("too many failed sign-ins: attempts are refused for a while", metadata: line(fields))
    case .moreThrottled(let accounts, let addresses):
      log.warning(
        "too many failed sign-ins of more accounts or addresses than are named: attempts are refused for a while",
        metadata: line(["accounts": "\(accounts)", "addresses": "\(addresses)"]))
    case .refreshReused(let subject, let id, let address):
      log.warning(
        "a refresh token was used again after it had been replaced: its sign-in has ended",
        metadata: line(["subject": "\(subject)", "sign_in": "\(id)", "client": "\(address)"]))
    case .signedOut(let subject, let count, let address):
      log.notice(
        "signed out", metadata: line(["subject": "\(subject)", "sign_ins": "\(count)", "client": "\(address)"]))
    case .disabledEnded(let subject, let id, let address):
      log.notice(
        "a sign-in has ended: its user is disabled, or gone",
        metadata: line(["subject": "\(subject)", "sign_in": "\(id)", "client": "\(address)"]))
    case .passwordChanged(let username, let address):
      log.notice(
        "a user has changed their password", metadata: line(["user": "\(username)", "client": "\(address)"]))
    case .passwordNotChanged(let username, let why, let address):
      log.error(
        "a password could not be changed; the gateway must be able to write the users file",
        metadata: line(["user": "\(username)", "why": "\(why)", "client": "\(address)"]))
    case .usersChanged(let path, let users, let clients):
      log.notice(
        "users file read", metadata: line(["file": "\(path)", "users": "\(users)", "clients": "\(clients)"]))
    case .usersUnusable(let why):
      log.error("the users file cannot be used; the users read before stay in force", metadata: line(["why": "\(why)"]))
    case .storeFailed(let why, let count):
      log.error("sign-ins could not be read or written", metadata: line(["why": "\(why)", "failures": "\(count)"]))
    case .cookieTooLarge(let username, let bytes):
      log.error(
        "a token is too large for a cookie, so its user cannot sign in with a browser",
        metadata: line(["user": "\(username)", "bytes": "\(bytes)"]))
    }
  }
}
