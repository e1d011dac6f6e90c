import Crypto
import Tokens

/// One browser's way to the provider and back (SECURITY C-5).
struct Flow: Sendable, Equatable {
  /// As it stands in the URLs.
  let state: String
  let nonce: String
  /// PKCE's.
  let verifier: String
  /// Where to go on: a path of this host.
  let returnTo: String
  /// In seconds since 1970.
  let beganAt: UnixSeconds
  /// How the provider has to authenticate them; nil: as it likes.
  var stepUp: StepUp?

  /// For a browser that is sent to the provider now, and the value of its cookie.
  ///
  /// - Parameter place: Of the cookie.
  static func begin(
    returnTo: String, stepUp: StepUp? = nil, place: Int, now: UnixSeconds, with sealing: SealingSecret, provider: String
  ) throws(CryptoError) -> (flow: Flow, cookie: String) {
    let secret = try FlowSecret.random(now: now)
    let state = FlowState(place: place, binding: try secret.binding(), returnTo: returnTo, stepUp: stepUp)
    let text = try state.sealed(with: sealing, provider: provider)
    return (try Flow(secret, state, text: text), try secret.sealed(with: sealing, provider: provider))
  }

  /// Of a browser that has come back.
  ///
  /// - Parameters:
  ///   - text: The state, as the provider sends it back.
  ///   - cookie: What the browser has in the state's place; nil: nothing.
  /// - Throws: Where the state is not good in this browser, or no more.
  static func open(
    _ state: FlowState, text: String, cookie: String?, with sealing: SealingSecret, provider: String, now: UnixSeconds
  ) throws(CallbackFault) -> Flow {
    guard let cookie else { throw .cookieMissing }
    let secret = try FlowSecret.open(cookie, with: sealing, provider: provider, now: now)
    do throws(CryptoError) {
      if try secret.binding().isSameInConstantTime(as: state.binding) { return try Flow(secret, state, text: text) }
    } catch {
      throw .crypto(error)
    }
    throw .stateMismatch
  }

  private init(_ secret: FlowSecret, _ state: FlowState, text: String) throws(CryptoError) {
    self.init(
      state: text, nonce: try secret.nonce(), verifier: try secret.verifier(), returnTo: state.returnTo,
      beganAt: secret.beganAt, stepUp: state.stepUp)
  }

  init(
    state: String, nonce: String, verifier: String, returnTo: String, beganAt: UnixSeconds, stepUp: StepUp? = nil
  ) {
    self.state = state
    self.nonce = nonce
    self.verifier = verifier
    self.returnTo = returnTo
    self.beganAt = beganAt
    self.stepUp = stepUp
  }

  var proofKey: ProofKey { ProofKey(verifier: verifier) }
}
