/// What an operator should hear of signing in at a provider, beside the access log. Never a code or a token.
public enum CodeFlowEvent: Sendable {
  /// Somebody has signed in.
  case signedIn(subject: String, id: String, address: String)
  /// Somebody has signed out.
  case signedOut(subject: String, id: String, address: String)
  /// The provider has ended so many sessions.
  case endedByProvider(count: Int)
  /// The provider does not go on with a session, which has ended.
  case notRenewed(id: String, why: String)
  /// Signing in failed; so many times since it was last said.
  case failed(why: String, count: Int)
  /// Whether a session goes on could not be found out; so many times since it was last said.
  case renewalFailed(why: String, count: Int)
  /// What a browser brought back from the provider was not taken; so many times since this reason was last said.
  case callbackRefused(CallbackFault, count: Int, lastFrom: String)
  /// What sessions are kept in failed, so many times since it was last said.
  case storeFailed(String, count: Int)
}
