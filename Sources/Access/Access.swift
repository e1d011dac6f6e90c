/// Module `Access`: which route a request takes, who may take it, and what the upstream is told of them.
/// May import: HTTP, Tokens, Reason.
/// Never does: I/O, or read a clock: the decision is a function of the request and the identity.

public import Tokens

/// Who sends a request. Each payload is made in one place only, behind the check that it stands for.
public enum Identity: Sendable {
  case anonymous
  case token(VerifiedToken)

  /// Bytes that its claims take; 0 for nobody's.
  public var bytesHeld: Int {
    switch self {
    case .anonymous: 0
    case .token(let token): token.claims.bytesHeld
    }
  }
}

/// Why a pattern of the configuration is none.
public struct PatternError: Error, Equatable {
  /// Goes on after "… is no path pattern: ".
  public let message: String

  init(_ message: String) { self.message = message }
}
