import Access
import HTTP
import Reason

/// What has been decided about a request. It is assigned as a whole when a decision begins, so that nothing is left of
/// an earlier attempt, after which the request waited, or of another request.
struct DecisionState {
  var configuration: ActiveConfiguration?
  var route: ActiveRoute?
  var bodyBytesMax: UInt64?
  /// The protocol upgrade that the request asks for; nil if none.
  var upgrade: UpgradeRequest?
  /// Set if a proxy asks whether another request may pass and forwards that one itself: what it does with the response;
  /// nil if the request is an ordinary one.
  var forwardAuth: ActiveForwardAuth.Mode?
  /// The protocol that the request which is asked about asks to go on in, as far as the proxy passes that on; nil if
  /// none.
  var upgradeAskedAbout: [UInt8]?
  /// The CORS field lines of the response; nil if the route has no `cors`.
  var corsFields: [UInt8]?
  /// The CORS field line of responses of the gateway's own, beside `corsFields`.
  var corsExposure: [UInt8] = []
  /// Identity and credential field lines for the proxy that asked; nil unless the request may pass.
  var forwardAuthFields: [UInt8]?
  /// Why the `try` of the provider or the route would have refused the request had it been enforced for its sender; nil
  /// if it would not have.
  var unenforced: Reason?
  /// Whether the refusal comes from the enforced `try` of the route or of the provider; nil if from what is required,
  /// or if there is none.
  var refusingTrier: Trier?
  /// Set on the request whose refusal exhausted the enforcement budget, which stops enforcement.
  var rampStop: (by: Trier, name: String, counts: EnforcementRamp.Stop)?
}
