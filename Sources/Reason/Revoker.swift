/// What has revoked the credential of a refused request: `revoked_by` of its access line. More is not known by then.
public enum Revoker: String, Sendable, CaseIterable {
  /// The file of revocations has the token's `jti`, or the certificate's serial number.
  case listedTokenID = "file_jti"
  /// The file has whom the credential is about.
  case listedSubject = "file_sub"
  /// The file has the key that signed the token.
  case listedKeyID = "file_kid"
  /// The file has the sign-in that the token came of.
  case listedSignInID = "file_sid"
  /// The sign-in or session that the token came of has ended here.
  case endedSignIn = "ended_sign_in"
  /// The token alone was revoked here, by its `jti`.
  case endedToken = "ended_token"
}

extension Reason {
  /// Whether it is that something has revoked the credential.
  public var isRevocation: Bool { self == .tokenRevoked || self == .certificateRevoked }
}

extension Revoker {
  /// What has happened, in plain text for people.
  public var meaning: String { MarkdownLinks.plain(meaningMarkdown) }
  /// What to do next, in plain text for people.
  public var advice: String { MarkdownLinks.plain(adviceMarkdown) }

  /// As docs/reasons.md has it: a test compares its rows.
  var meaningMarkdown: String {
    switch self {
    case .listedTokenID: "The file of `revocations` lists the token's `jti`, or the certificate's serial number."
    case .listedSubject: "The file of `revocations` lists, as `sub`, whom it is about: `subject` of the line."
    case .listedKeyID: "The file of `revocations` lists the key that signed it: `key_id` of the line."
    case .listedSignInID: "The file of `revocations` lists the sign-in that the token came of, its `sid`."
    case .endedSignIn:
      """
      The sign-in or session that the token came of has ended, here or at a gateway with the same database: by logout, \
      `portcullis sign-ins revoke`, `POST /revoke`, a reused refresh token, a changed password, or as its user was \
      disabled. Which of them is in the program messages alone.
      """
    case .endedToken: "`POST /revoke` named the token's `jti`."
    }
  }

  /// As docs/reasons.md has it.
  var adviceMarkdown: String {
    switch self {
    case .listedTokenID, .listedSubject, .listedKeyID, .listedSignInID:
      """
      `grep -n '^\(rawValue.suffix(3)) ' FILE` shows such lines of the file. If this one is not intended, remove it: the \
      credential is accepted again after 10 s. [revocation](revocation.md)
      """
    case .endedSignIn:
      """
      Sign in again. `portcullis logs --messages FILE` shows what ended it before the time of the request: the messages \
      have `subject`, `sign_in` or both. [messages](logs.md#signing-in)
      """
    case .endedToken:
      """
      Get another token. The message `a token was revoked at the admin listener` says when it was, and who asked. \
      [messages](logs.md#start-reload-and-end)
      """
    }
  }
}
