public import Reason
public import Tokens

/// One of `tests[]`: a request, who sends it, and what the routes must decide.
public struct PolicyTest: Sendable, Equatable {
  /// Where it stands in the file.
  public var position: Position
  /// What a failure calls it; nil: it is called after its request.
  public var name: String?
  /// The request to decide.
  public var request: EvaluatedRequest
  /// Who sends it; nil: someone without a token.
  public var identity: SupposedIdentity?
  /// What must be decided.
  public var expectation: Expectation
  /// The index of the route that must match; nil: any.
  public var route: Int?
  /// The index of the upstream that it must go to; nil: any.
  public var upstream: Int?
  /// The reason for which what the provider or the route tries must refuse it; nil: it may or may not.
  public var shadow: Reason?

  /// What a test expects.
  public enum Expectation: Sendable, Hashable {
    case allowed
    case refused(Reason)
    /// Refused, for any reason that is answered with this status.
    case status(Int)
  }
}

/// A request to try the routes with.
public struct EvaluatedRequest: Sendable, Hashable {
  /// The method, as in a request line.
  public var method: String
  /// With a port or without.
  public var host: String
  /// Path and query.
  public var target: String

  /// A request without header fields other than Host.
  public init(method: String, host: String, target: String) {
    self.method = method
    self.host = host
    self.target = target
  }

  /// The host of a request that names none.
  public static let anyHost = "localhost"

  /// As the configuration writes it: `GET /orders/7`, `GET api.example.com/orders/7`.
  public var text: String { "\(method) \(host == EvaluatedRequest.anyHost ? "" : host)\(target)" }
}

/// Who might send a request.
public struct SupposedIdentity: Sendable, Equatable {
  /// The index of the provider whose token it would be; nil: of the route's first.
  public var provider: Int?
  /// What the token would say.
  public var claims: StatedClaims
  /// How many seconds ago the user authenticated (`auth_time`); nil: the token does not say.
  public var authenticatedAgo: Int64?

  /// Someone with a token of the provider that has these claims.
  public init(provider: Int?, claims: StatedClaims, authenticatedAgo: Int64?) {
    self.provider = provider
    self.claims = claims
    self.authenticatedAgo = authenticatedAgo
  }
}
