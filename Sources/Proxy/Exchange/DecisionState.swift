import Access
import HTTP
import Reason

/// What is decided of a request: assigned whole where that begins, so that nothing is left of an earlier time, after
/// which it waited, or of another request.
struct DecisionState {
  var configuration: ActiveConfiguration?
  var route: ActiveRoute?
  var bodyBytesMax: UInt64?
  /// What the request asks to go on in.
  var upgrade: UpgradeRequest?
  /// A proxy asks whether another request may pass, and forwards it itself; nil: the request is its own.
  var forwardAuth: ActiveForwardAuth.Mode?
  /// The request that is asked about goes on in another protocol, as far as the proxy passes that on.
  var asksForUpgrade = false
  /// Field lines that the response has for the sake of pages of other origins; nil where the route says nothing of
  /// them.
  var corsFields: [UInt8]?
  /// Identity headers for the proxy that asked about the request, where it may pass.
  var forwardAuthFields: [UInt8]?
  /// Why what its provider or route tries would have refused it, were it enforced for whoever sends it.
  var unenforced: Reason?
  /// Who tries what refuses it; nil: it is what is required, or nothing.
  var refusingTrier: Trier?
  /// That it was the one with which what its route tries stopped being enforced.
  var rampStop: (by: Trier, name: String, counts: EnforcementRamp.Stop)?
}
