import Crypto
import JSON
import Tokens

/// What has to come back from the provider in the browser that was sent there (SECURITY C-5). It is sealed in a cookie of
/// that browser, and nowhere else.
struct FlowState: Sendable, Equatable {
  /// 128 random bits, and the place of its cookie.
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

  /// For a browser that is sent to the provider now.
  ///
  /// - Parameters:
  ///   - stepUp: How the provider has to authenticate them; nil: as it likes.
  ///   - taken: The places of cookies that the browser has already: another one is taken, while there is one.
  ///   - isOfOtherSite: Whether a page of another site has it begin: there are few places for those.
  static func begin(
    returnTo: String, now: UnixSeconds, stepUp: StepUp? = nil, besides taken: [String] = [],
    ofOtherSite isOfOtherSite: Bool = false
  ) throws(CryptoError) -> FlowState {
    let isLong = returnTo.utf8.count > CodeFlow.shortReturnBytesMax || stepUp != nil
    let places =
      0..<(isLong ? CodeFlow.flowNamesOfLong : isOfOtherSite ? CodeFlow.flowNamesOfOtherSites : CodeFlow.flowNames)
    let taken = Set(taken)
    let free = places.filter { !taken.contains("\($0)") }
    let random = try RandomBytes.make(CodeFlow.stateBytes + 2)
    let drawn = Int(random[CodeFlow.stateBytes]) << 8 | Int(random[CodeFlow.stateBytes + 1])
    let place = free.isEmpty ? places[drawn % places.count] : free[drawn % free.count]
    let state = Base64URL.text(random[..<CodeFlow.stateBytes] + [UInt8(place >> 8), UInt8(place & 255)])
    return FlowState(
      state: state,
      nonce: Base64URL.text(try RandomBytes.make(CodeFlow.stateBytes)),
      verifier: try ProofKey.random().verifier, returnTo: returnTo, beganAt: now, stepUp: stepUp)
  }

  var proofKey: ProofKey { ProofKey(verifier: verifier) }

  /// Where the state's cookie is found again: a browser may be on several ways at once. However many another site has it
  /// begin, what it sends with each request is bounded (`FlowCookies`).
  ///
  /// - Parameter state: As the provider sends it back; nil where it is none that was ever made here.
  static func cookieSuffix(ofState state: String) -> String? {
    guard let bytes = Base64URL.decode(state), bytes.count == CodeFlow.stateBytes + 2 else { return nil }
    let place = Int(bytes[CodeFlow.stateBytes]) << 8 | Int(bytes[CodeFlow.stateBytes + 1])
    return place < CodeFlow.flowNames ? "\(place)" : nil
  }

  /// The cookie's value.
  ///
  /// - Parameter provider: It is good for this one alone.
  func sealed(with secret: SealingSecret, provider: String) throws(CryptoError) -> String {
    let members: JSONObject = [
      "state": .string(state), "nonce": .string(nonce), "verifier": .string(verifier),
      "return_to": .string(returnTo), "began_at": .integer(beganAt),
    ]
    let all = JSONObject(members.members + (stepUp?.members ?? [])) ?? members
    return Base64URL.text(try secret.seal(JSONValue.object(all).serialized().span, as: FlowState.purpose(provider)))
  }

  /// - Throws: `cookieForeign` where it was not sealed here for that provider, or was changed; `tooOld`; `crypto`.
  static func open(
    _ cookie: String, with secret: SealingSecret, provider: String, now: UnixSeconds
  ) throws(CallbackFault) -> FlowState {
    guard cookie.utf8.count <= cookieBytesMax, let sealed = Base64URL.decode(cookie) else { throw .cookieForeign }
    let opened: [UInt8]?
    do throws(CryptoError) {
      opened = try secret.open(sealed.span, as: purpose(provider))
    } catch {
      throw .crypto(error)
    }
    guard let text = opened, let members = try? JSON.parse(text.span).object, let state = members["state"]?.string,
      let nonce = members["nonce"]?.string, let verifier = members["verifier"]?.string,
      let returnTo = members["return_to"]?.string, case .integer(let beganAt) = members["began_at"]
    else { throw .cookieForeign }
    // The clock of the process that sealed it may be ahead by a little.
    guard now - beganAt < CodeFlow.secondsMax, beganAt - now <= TokenPolicy.leewayMaxSeconds else { throw .tooOld }
    return FlowState(
      state: state, nonce: nonce, verifier: verifier, returnTo: returnTo, beganAt: beganAt, stepUp: StepUp(members))
  }

  /// Browsers keep no larger ones.
  private static let cookieBytesMax = 4096

  private static func purpose(_ provider: String) -> String { "code flow of \(provider)" }
}
