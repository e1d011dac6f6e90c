import Access
import Reason
import Tokens

/// The authentication schemes that a route offers (RFC 9110 §11.1).
struct AuthenticationSchemes: OptionSet, Sendable, Hashable {
  let rawValue: UInt8

  /// RFC 6750.
  static let bearer = AuthenticationSchemes(rawValue: 1)
  /// RFC 9449 §7.1.
  static let dpop = AuthenticationSchemes(rawValue: 2)

  /// The value of WWW-Authenticate for a refusal (RFC 6750 §3, RFC 9449 §7.1); nil if there is no such field.
  ///
  /// All invalid tokens and proofs yield the same challenge, under every scheme that the route offers (SECURITY T-18):
  /// the thief of a token does not learn that only the proof is missing.
  ///
  /// - Parameters:
  ///   - remedy: What would let the client pass: the values of `scope`, or of `acr_values` and `max_age` (RFC 9470 §3).
  ///   - metadata: The value of `resource_metadata` (RFC 9728 §5.1).
  func challenge(_ reason: Reason, _ remedy: Remedy? = nil, metadata: String? = nil) -> String? {
    var parameters: [String] = []
    switch (reason, reason.status) {
    // A request without a token is not told of an error (RFC 6750 §3.1).
    case (.credentialMissing, _): break
    case (.acrInsufficient, _), (.authenticationTooOld, _):
      parameters.append("error=\"insufficient_user_authentication\"")
      if let classes = remedy?.contextClasses, !classes.isEmpty {
        parameters.append("acr_values=\"\(classes.joined(separator: " "))\"")
      }
      if let age = remedy?.authenticationAge { parameters.append("max_age=\"\(age)\"") }
    case (_, 401): parameters.append("error=\"invalid_token\"")
    case (_, 403):
      parameters.append("error=\"insufficient_scope\"")
      if let scopes = remedy?.scopes, !scopes.isEmpty {
        parameters.append("scope=\"\(scopes.joined(separator: " "))\"")
      }
    default: return nil
    }
    if let metadata { parameters.append("resource_metadata=\"\(metadata)\"") }
    var challenges: [String] = []
    if contains(.bearer) { challenges.append(AuthenticationSchemes.text("Bearer", parameters)) }
    if contains(.dpop) {
      challenges.append(AuthenticationSchemes.text("DPoP", parameters + [AuthenticationSchemes.algorithms]))
    }
    return challenges.isEmpty ? nil : challenges.joined(separator: ", ")
  }

  private static func text(_ scheme: String, _ parameters: [String]) -> String {
    parameters.isEmpty ? scheme : "\(scheme) \(parameters.joined(separator: ", "))"
  }

  /// What proofs may be signed with (RFC 9449 §7.1).
  private static let algorithms = "algs=\"\(DPoPProof.algorithms.map(\.rawValue).joined(separator: " "))\""
}
