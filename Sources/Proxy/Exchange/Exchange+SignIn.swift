import Access
import HTTP
import Reason
import Tokens

/// What happens to a browser's request before it is refused: its token is renewed, or it is redirected to the sign-in
/// page.
extension Exchange {
  /// Uses a browser's refresh token, once, if a new access token might be accepted; nil if there is nothing to use.
  func renew(
    after outcome: TokenAuthentication.Outcome, of credential: Credential, _ routed: RoutedRequest,
    _ bytes: Span<UInt8>
  ) -> Action? {
    guard request.renewal == nil, decision.upgrade == nil, decision.forwardAuth == nil,
      let signIn = routed.signIn(bytes),
      let token = signIn.refreshToken(after: outcome, of: credential, routed.head, bytes)
    else { return nil }
    state = .waitingForRenewal
    log.waits(from: routed.context.now)
    return .renew(token, provider: signIn.provider)
  }

  /// The same if the rule refuses: what the provider tries is to have the effect that its checks would have.
  func renew(
    after refusal: Refusal, of sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>
  ) -> Action? {
    guard refusal.trier == .provider, isSignedIn(sender.identity, at: routed.signIn(bytes)) else { return nil }
    return renew(
      after: .refused(refusal.reason, keyID: nil, provider: nil), of: sender.authentication.credential, routed, bytes)
  }

  /// The response that sends a browser to sign in; nil if the client is to receive the refusal: also if the credential
  /// would be refused again after a new sign-in, as that does not replace it. A proxy that asks for the status
  /// understands refusals only.
  func signInPage(
    insteadOf reason: Reason, of credential: Credential, _ routed: RoutedRequest, _ bytes: Span<UInt8>,
    for remedy: Remedy?
  ) -> LocalResponse? {
    guard decision.upgrade == nil, decision.forwardAuth != .status, let signIn = routed.signIn(bytes),
      routed.isReplaced(credential, bySigningInAt: signIn, bytes)
    else { return nil }
    return signIn.redirect(insteadOf: reason, routed.path.span, routed.head, bytes, for: remedy)
  }

  /// The same if the rule refuses; nil also if a new sign-in would be refused again.
  func signInPage(
    insteadOf refusal: Refusal, of sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>
  ) -> LocalResponse? {
    guard !isRefusedAnew(refusal, sender, routed.signIn(bytes)) else { return nil }
    return signInPage(
      insteadOf: refusal.reason, of: sender.authentication.credential, routed, bytes,
      for: stepUp(refusal, sender, routed.context.unixSeconds))
  }

  /// Whether a new sign-in would be refused as before: sessions begin and tokens are issued regardless of what is
  /// tried. Only the age of a token would change.
  private func isRefusedAnew(_ refusal: Refusal, _ sender: Sender, _ signIn: ActiveSignIn?) -> Bool {
    guard refusal.trier == .provider else { return false }
    let credential = sender.authentication.credential
    if case .session = credential { return true }
    return refusal.reason != .tokenTooOld || credential.isRenewed || !isSignedIn(sender.identity, at: signIn)
  }

  /// Whether users sign in there at the provider that stated the identity: a token of another provider would leave the
  /// refused one in place.
  private func isSignedIn(_ identity: Identity, at signIn: ActiveSignIn?) -> Bool {
    signIn.map { $0.provider == identity.claims?.provider } ?? false
  }

  /// How the provider has to authenticate the user for the browser's session to pass (RFC 9470 §4); nil if that would
  /// change nothing.
  private func stepUp(_ refusal: Refusal, _ sender: Sender, _ now: UnixSeconds) -> Remedy? {
    guard case .session = sender.authentication.credential, case .introspected(let session) = sender.identity,
      refusal.remedy.asksForMore(than: session.claims, at: now)
    else { return nil }
    return refusal.remedy
  }
}
