import Access
import Reason

/// The values of WWW-Authenticate for refusals (RFC 9110 §11.6.1), rendered once for a route.
struct Challenges: Sendable {
  private let schemes: AuthenticationSchemes
  private let metadata: String?
  private let withoutToken: [UInt8]?
  private let invalidToken: [UInt8]?
  private let insufficientScope: [UInt8]?

  /// For a refusal without a route.
  static let bearer = Challenges(.bearer)

  /// - Parameter metadata: The URL of the protected resource's metadata (RFC 9728 §5.1); nil if there is none.
  init(_ schemes: AuthenticationSchemes, metadata: String? = nil) {
    self.schemes = schemes
    self.metadata = metadata
    withoutToken = schemes.challenge(.credentialMissing, metadata: metadata).map { [UInt8]($0.utf8) }
    invalidToken = schemes.challenge(.tokenMalformed, metadata: metadata).map { [UInt8]($0.utf8) }
    insufficientScope = schemes.challenge(.scopeMissing, metadata: metadata).map { [UInt8]($0.utf8) }
  }

  /// The challenge for a refusal; nil if it has none.
  ///
  /// - Parameter remedy: What would let the client pass.
  func challenge(_ reason: Reason, _ remedy: Remedy? = nil) -> [UInt8]? {
    switch reason {
    case .credentialMissing: withoutToken
    // No token would change the outcome.
    case .originRefused, .clientRefused, .fieldRefused, .certificateMissing, .certificateRefused, .certificateExpired,
      .certificateRevoked:
      nil
    case .acrInsufficient, .authenticationTooOld: rendered(reason, remedy)
    default:
      switch reason.status {
      case 401: invalidToken
      case 403: remedy?.scopes.isEmpty ?? true ? insufficientScope : rendered(reason, remedy)
      default: nil
      }
    }
  }

  private func rendered(_ reason: Reason, _ remedy: Remedy?) -> [UInt8]? {
    schemes.challenge(reason, remedy, metadata: metadata).map { [UInt8]($0.utf8) }
  }
}
