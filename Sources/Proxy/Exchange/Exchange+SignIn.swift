import Access
import HTTP
import Reason
import Tokens

/// What a browser's request comes to before it is refused: a new token, or the page where people sign in.
extension Exchange {
  /// Has a browser's refresh token used, once, where a new access token may be let in; nil: there is nothing to use.
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

  /// The same where the rule refuses: what the provider tries is to do to a token what its checks would.
  func renew(
    after refusal: Refusal, of sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>
  ) -> Action? {
    guard refusal.trier == .provider, isSignedIn(sender.identity, at: routed.signIn(bytes)) else { return nil }
    return renew(
      after: .refused(refusal.reason, keyID: nil, provider: nil), of: sender.authentication.credential, routed, bytes)
  }

  /// What sends a browser to sign in; nil where the refusal is for whoever asks. A proxy that asks understands refusals
  /// alone.
  func signInPage(
    insteadOf reason: Reason, _ routed: RoutedRequest, _ bytes: Span<UInt8>, for remedy: Remedy?
  ) -> LocalResponse? {
    guard decision.upgrade == nil, decision.forwardAuth != .status, let signIn = routed.signIn(bytes) else {
      return nil
    }
    return signIn.redirect(insteadOf: reason, routed.path.span, routed.head, bytes, for: remedy)
  }

  /// The same where the rule refuses, and who signs in anew would not be refused again.
  func signInPage(
    insteadOf refusal: Refusal, of sender: Sender, _ routed: RoutedRequest, _ bytes: Span<UInt8>
  ) -> LocalResponse? {
    guard !isRefusedAnew(refusal, sender, routed.signIn(bytes)) else { return nil }
    return signInPage(
      insteadOf: refusal.reason, routed, bytes, for: stepUp(refusal, sender, routed.context.unixSeconds))
  }

  /// Whether who signs in anew would be refused as before: sessions begin, and tokens are issued, whether they have
  /// what is tried or not. A token's age alone is another one then.
  private func isRefusedAnew(_ refusal: Refusal, _ sender: Sender, _ signIn: ActiveSignIn?) -> Bool {
    guard refusal.trier == .provider else { return false }
    let credential = sender.authentication.credential
    if case .session = credential { return true }
    return refusal.reason != .tokenTooOld || credential.isRenewed || !isSignedIn(sender.identity, at: signIn)
  }

  /// Whether people sign in there at the provider that has stated who it is: another one's token would leave the one that
  /// is refused where it is.
  private func isSignedIn(_ identity: Identity, at signIn: ActiveSignIn?) -> Bool {
    signIn.map { $0.provider == identity.claims?.provider } ?? false
  }

  /// How a browser's session would pass, had its provider authenticated somebody so (RFC 9470 §4).
  private func stepUp(_ refusal: Refusal, _ sender: Sender, _ now: UnixSeconds) -> Remedy? {
    guard case .session = sender.authentication.credential, case .introspected(let session) = sender.identity,
      refusal.remedy.asksForMore(than: session.claims, at: now)
    else { return nil }
    return refusal.remedy
  }
}
