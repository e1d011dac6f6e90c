import Reason

/// What WWW-Authenticate says beside a refusal (RFC 9110 §11.6.1), rendered once for a route.
struct Challenges: Sendable {
  private let schemes: AuthenticationSchemes
  private let withoutToken: [UInt8]?
  private let invalidToken: [UInt8]?
  private let insufficientScope: [UInt8]?

  /// Of a refusal without a route.
  static let bearer = Challenges(.bearer)

  init(_ schemes: AuthenticationSchemes) {
    self.schemes = schemes
    withoutToken = schemes.challenge(.credentialMissing).map { [UInt8]($0.utf8) }
    invalidToken = schemes.challenge(.tokenMalformed).map { [UInt8]($0.utf8) }
    insufficientScope = schemes.challenge(.scopeMissing).map { [UInt8]($0.utf8) }
  }

  /// nil: no such line.
  ///
  /// - Parameter scopes: What the route needs and the token lacks.
  func challenge(_ reason: Reason, scopes: [String] = []) -> [UInt8]? {
    switch reason.status {
    case 401: reason == .credentialMissing ? withoutToken : invalidToken
    // No token would change it.
    case 403 where reason == .originRefused || reason == .clientRefused: nil
    case 403 where scopes.isEmpty: insufficientScope
    case 403: schemes.challenge(reason, scopes: scopes).map { [UInt8]($0.utf8) }
    default: nil
    }
  }
}
