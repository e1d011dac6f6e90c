/// What an operator should hear of signing in, beside the access log. Never a password or a token.
public enum SignInEvent: Sendable {
  /// Somebody has signed in.
  case signedIn(username: String, id: String, address: String)
  /// Failures to sign in since it was last said, and whom the last of them was about where there is such a user.
  case failures(count: Int, lastOf: String?, address: String)
  /// What has failed as often as it may.
  public enum Limit: String, Sendable {
    /// A name that was typed, from wherever.
    case account
    /// A client's address, or the /64 of one, whoever it was about.
    case address
    /// A program at such an address, by the client_id that is given.
    case program
  }

  /// An account, or an address, may not try for so many seconds: said once, when that begins. The address is that of the
  /// last try, and the username that of a user that there is.
  case throttled(Limit, username: String?, address: String, seconds: Int64)
  /// So many others may not either, since that was last said.
  case moreThrottled(accounts: Int, addresses: Int)
  /// A refresh token came again long after it had been replaced: its sign-in has ended (SECURITY C-10).
  case refreshReused(subject: String, id: String, address: String)
  /// Somebody has signed out, of all of their sign-ins where so many were ended.
  case signedOut(subject: String, count: Int, address: String)
  /// A disabled user, or one that is gone, came to renew a sign-in: it has ended.
  case disabledEnded(subject: String, id: String, address: String)
  /// Somebody has changed their own password: their other sign-ins have ended.
  case passwordChanged(username: String, address: String)
  case passwordNotChanged(username: String, why: String, address: String)
  /// The users file was read anew.
  case usersChanged(path: String, users: Int, clients: Int)
  /// The users file cannot be used: what was read before is in force.
  case usersUnusable(String)
  /// Requests were refused with `internal_error`: why the last one was, and how many since that was last said.
  case failed(why: String, count: Int)
  /// What sign-ins are kept in failed, so many times since it was last said.
  case storeFailed(String, count: Int)
  /// A token of this user is too large for a cookie.
  case cookieTooLarge(username: String, bytes: Int)
}
