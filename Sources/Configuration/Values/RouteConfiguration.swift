public import Access
public import HTTP

/// One rule: which requests it is for, who may send them, and where they go.
public struct RouteConfiguration: Sendable {
  /// What a path may hold that is refused otherwise.
  public var pathTraitsKept: PathTraits
  /// `name`, or the pattern as written: unique, and what the access log says.
  public var name: String
  public var pattern: RoutePattern
  public var rule: AccessRule
  /// Indices into `GatewayConfiguration.providers`, in the order written; empty with `auth: none`.
  public var providers: [Int]
  public var identity: IdentityMapping
  /// Index into `GatewayConfiguration.upstreams`.
  public var upstream: Int
  public var token: TokenForwarding
  /// nil: anybody's.
  public var clients: ClientAddresses?
  public var bodyBytesMax: UInt64?
  /// Overrides the upstream's `responseTimeout`.
  public var responseTimeout: Duration?
}

/// What becomes of the credential that authenticated the request.
public enum TokenForwarding: String, Sendable, Hashable, CaseIterable {
  case remove
  case forward
}
