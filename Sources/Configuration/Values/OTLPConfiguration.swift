/// Where traces and metrics are sent by OTLP/HTTP (opentelemetry.io/docs/specs/otlp).
public struct OTLPConfiguration: Sendable, Hashable {
  /// Without `/v1/traces` and `/v1/metrics`, and without a slash at its end.
  public var url: String
  /// How many of the traces that begin here are exported, 1 to 100; nil: none is, also of those that began elsewhere.
  public var tracesPercentage: Int?
  /// nil: no metrics are exported.
  public var metricsInterval: Duration?
  /// Further fields of each request; they may hold a secret.
  public var headersFile: String?
  /// A PEM file; nil: the system's.
  public var certificateAuthorityFile: String?
}

extension GatewayConfiguration {
  /// Whether somebody wants to know what is counted.
  public var isCounted: Bool { admin != nil || otlp?.metricsInterval != nil }
}
