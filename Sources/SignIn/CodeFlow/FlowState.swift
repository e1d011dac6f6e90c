import Crypto
import JSON
import Tokens

/// What a browser takes to the provider in `state`, and brings back: sealed, so that nobody on the way reads or makes
/// one.
///
/// It says where the browser wanted to go, also where the cookie of the way is lost. It proves nothing about the browser
/// that brings it: that takes the cookie's secret (`FlowSecret`).
struct FlowState: Sendable, Equatable {
  /// Of its cookie: a browser may be on several ways at once.
  let place: Int
  /// The secret's.
  let binding: String
  /// Where to go on: a path of this host.
  let returnTo: String
  /// How the provider has to authenticate them; nil: as it likes.
  var stepUp: StepUp?

  /// The value of `state`.
  ///
  /// - Parameter provider: It is good for this one alone.
  func sealed(with sealing: SealingSecret, provider: String) throws(CryptoError) -> String {
    let members: JSONObject = [
      "place": .integer(Int64(place)), "binding": .string(binding), "return_to": .string(returnTo),
    ]
    let all = JSONObject(members.members + (stepUp?.members ?? [])) ?? members
    return Base64URL.text(try sealing.seal(JSONValue.object(all).serialized().span, as: FlowState.purpose(provider)))
  }

  /// - Parameter text: As the provider sends it back.
  /// - Throws: `stateForeign` where it was not sealed here for that provider, or was changed; `crypto`.
  static func open(
    _ text: String, with sealing: SealingSecret, provider: String
  ) throws(CallbackFault) -> FlowState {
    guard let sealed = Base64URL.decode(text) else { throw .stateForeign }
    let opened: [UInt8]?
    do throws(CryptoError) {
      opened = try sealing.open(sealed.span, as: purpose(provider))
    } catch {
      throw .crypto(error)
    }
    guard let text = opened, let members = try? JSON.parse(text.span).object,
      case .integer(let number) = members["place"], let place = Int(exactly: number),
      let binding = members["binding"]?.string, let returnTo = members["return_to"]?.string
    else { throw .stateForeign }
    return FlowState(place: place, binding: binding, returnTo: returnTo, stepUp: StepUp(members))
  }

  private static func purpose(_ provider: String) -> String { "state of the code flow of \(provider)" }
}
