public import Reason
public import Tokens

/// A request, who sends it, and what the routes have to decide.
public struct PolicyTest: Sendable, Equatable {
  /// Where it stands in the file.
  public var position: Position
  /// nil: it is called after its request.
  public var name: String?
  public var request: EvaluatedRequest
  /// nil: nobody.
  public var identity: SupposedIdentity?
  public var expectation: Expectation
  /// The index of the route that has to be taken; nil: any.
  public var route: Int?
  /// The index of the upstream that has to be sent to; nil: any.
  public var upstream: Int?
  /// Why what the provider or the route tries has to refuse it; nil: it may or may not.
  public var shadow: Reason?

  public enum Expectation: Sendable, Hashable {
    case allowed
    case refused(Reason)
    /// Refused, for whatever reason with this status.
    case status(Int)
  }
}

/// A request to try the routes with.
public struct EvaluatedRequest: Sendable, Hashable {
  public var method: String
  /// With a port or without.
  public var host: String
  /// Path and query.
  public var target: String

  public init(method: String, host: String, target: String) {
    self.method = method
    self.host = host
    self.target = target
  }

  /// Where a request is sent that names no host.
  public static let anyHost = "localhost"

  /// As the configuration writes it: `GET /orders/7`, `GET api.example.com/orders/7`.
  public var text: String { "\(method) \(host == EvaluatedRequest.anyHost ? "" : host)\(target)" }
}

/// Who might send a request.
public struct SupposedIdentity: Sendable, Equatable {
  /// The index of the provider whose token it would be; nil: of the route's first.
  public var provider: Int?
  public var claims: StatedClaims
  /// How many seconds ago they were authenticated; nil: the token does not say.
  public var authenticatedAgo: Int64?

  public init(provider: Int?, claims: StatedClaims, authenticatedAgo: Int64?) {
    self.provider = provider
    self.claims = claims
    self.authenticatedAgo = authenticatedAgo
  }
}
