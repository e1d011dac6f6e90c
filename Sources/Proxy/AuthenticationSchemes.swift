import Access
import Reason
import Tokens

/// The authentication schemes that a route speaks (RFC 9110 §11.1).
struct AuthenticationSchemes: OptionSet, Sendable, Hashable {
  let rawValue: UInt8

  /// RFC 6750.
  static let bearer = AuthenticationSchemes(rawValue: 1)
  /// RFC 9449 §7.1.
  static let dpop = AuthenticationSchemes(rawValue: 2)

  /// What WWW-Authenticate says beside a refusal (RFC 6750 §3, RFC 9449 §7.1); nil: no such line.
  ///
  /// All bad tokens read the same, and all bad proofs (SECURITY T-18).
  ///
  /// - Parameter scopes: What the route needs and the token lacks.
  func challenge(_ reason: Reason, scopes: [String] = []) -> String? {
    let error: String?
    switch reason.status {
    case 401:
      switch reason {
      // A request without a token is not told of an error (RFC 6750 §3.1).
      case .credentialMissing: error = nil
      case .proofMissing, .proofInvalid, .proofReplayed:
        error = contains(.dpop) ? "invalid_dpop_proof" : "invalid_token"
      default: error = "invalid_token"
      }
    case 403: error = "insufficient_scope"
    default: return nil
    }
    var parameters = error.map { ["error=\"\($0)\""] } ?? []
    if reason.status == 403, !scopes.isEmpty { parameters.append("scope=\"\(scopes.joined(separator: " "))\"") }
    var challenges: [String] = []
    if contains(.bearer) {
      // A proof is no matter of Bearer.
      challenges.append(AuthenticationSchemes.text("Bearer", error == "invalid_dpop_proof" ? [] : parameters))
    }
    if contains(.dpop) {
      challenges.append(AuthenticationSchemes.text("DPoP", parameters + [AuthenticationSchemes.algorithms]))
    }
    return challenges.isEmpty ? nil : challenges.joined(separator: ", ")
  }

  private static func text(_ scheme: String, _ parameters: [String]) -> String {
    parameters.isEmpty ? scheme : "\(scheme) \(parameters.joined(separator: ", "))"
  }

  /// RFC 9449 §5.1.
  private static let algorithms = "algs=\"\(DPoPProof.algorithms.map(\.rawValue).joined(separator: " "))\""
}
