/// Module `Access`: which route a request takes, who may take it, and what the upstream is told of them.
/// May import: HTTP, Tokens, Reason.
/// Never does: I/O, or read a clock: the decision is a function of the request and the identity.
///
/// Words: what a `try` section asks for is *tried*: decided beside what is required, and *enforced* for nobody or for a
/// share of the senders. Who has the section, a route or a provider, is the `Trier`; the reason for which a request would
/// have been refused, were it enforced for its sender, is `unenforced`. A `Refusal` is why a rule refuses; what the
/// client is told then is a response, and belongs to `Proxy`.

public import Tokens

/// Who sends a request. Each payload is made in one place only, behind the check that it stands for.
public enum Identity: Sendable {
  case anonymous
  case token(VerifiedToken)
  case introspected(IntrospectedToken)
  case certificate(CertificateIdentity)

  /// What is said of them; nil of nobody.
  public var claims: ClaimsSet? {
    switch self {
    case .anonymous: nil
    case .token(let token): token.claims
    case .introspected(let token): token.claims
    case .certificate(let certificate): certificate.claims
    }
  }

  /// Bytes that its claims take; 0 for nobody's.
  public var bytesHeld: Int { claims?.bytesHeld ?? 0 }

  /// The provider's name; nil for nobody.
  public var provider: String? { claims?.provider }

  /// Before this second it is not good, as by a clock that was set back.
  public var validFrom: UnixSeconds {
    switch self {
    case .anonymous: .min
    case .token(let token): token.validFrom
    case .introspected(let token): token.validFrom
    case .certificate(let certificate): certificate.validFrom
    }
  }

  /// From this second on it is no longer good; nil for nobody.
  public var deadline: UnixSeconds? {
    switch self {
    case .anonymous: nil
    case .token(let token): token.deadline
    case .introspected(let token): token.tokenDeadline
    case .certificate(let certificate): certificate.deadline
    }
  }

  /// From this second on it is no longer good by what it states itself, without the leeway of the policy; nil for nobody.
  public var expiresAt: UnixSeconds? {
    switch self {
    case .anonymous: nil
    case .token(let token): token.expiresAt
    case .introspected(let token): token.expiresAt
    case .certificate(let certificate): certificate.deadline
    }
  }

  /// Who it is; nil where the claims do not say.
  public var subject: String? { claims?.subject }
}

/// Why a pattern of the configuration is none.
public struct PatternError: Error, Equatable {
  /// Goes on after "… is no path pattern: ".
  public let message: String

  init(_ message: String) { self.message = message }
}
