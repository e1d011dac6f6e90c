/// Module `Configuration`: `gateway.conf` decoded into typed, validated values, or into diagnostics with positions.
/// May import: CYAML, Access, Tokens, HTTP, Reason.
/// Never does: open a socket, read a key, or keep a value that was not checked.

public import Access
public import HTTP
public import Tokens

/// Everything that `gateway.conf` says, validated: names resolve, durations and sizes are in range.
public struct GatewayConfiguration: Sendable {
  /// The file that it was read from, as the operator named it.
  public var file: String
  public var listeners: [ListenerConfiguration]
  /// Event loops that carry traffic, 1 to 64. `auto` has been resolved to the machine's cores.
  public var workers: Int
  public var log: LogConfiguration
  public var limits: LimitsConfiguration
  public var timeouts: TimeoutsConfiguration
  public var providers: [ProviderConfiguration]
  public var upstreams: [UpstreamConfiguration]
  /// In the order of the file: the first that matches wins.
  public var routes: [RouteConfiguration]
}

/// Where the gateway listens.
public enum ListenAddress: Sendable, Hashable {
  /// An IPv4 literal and a port.
  case ipv4(String, port: UInt16)
  /// An IPv6 literal without brackets and a port.
  case ipv6(String, port: UInt16)
  /// A unix domain socket's path, resolved against the folder of the file.
  case unix(String)
}

public struct ListenerConfiguration: Sendable, Hashable {
  public var address: ListenAddress
}

public struct LogConfiguration: Sendable, Hashable {
  public enum Target: Sendable, Hashable { case stdout, stderr, off, file(String) }
  public enum Format: Sendable, Hashable { case automatic, json, logfmt }
  public enum Level: String, Sendable, Hashable, CaseIterable { case debug, info, warning, error }
  public var access: Target
  /// `automatic` (the default): logfmt on a terminal, else JSON.
  public var format: Format
  public var level: Level
}

public struct LimitsConfiguration: Sendable, Hashable {
  /// Bytes of a request head, 1 KiB to 32 KiB.
  public var headBytesMax: Int
  /// Field lines of a head, 1 to 1000.
  public var fieldsMax: Int
  /// Bytes of a request target, at most `headBytesMax`.
  public var targetBytesMax: Int
  /// Bytes of a token, at most `headBytesMax`.
  public var tokenBytesMax: Int
  /// Bytes of a request body; nil: no limit. A route may say otherwise.
  public var bodyBytesMax: UInt64?
  /// Client connections, over all loops together.
  public var connectionsMax: Int
}

public struct TimeoutsConfiguration: Sendable, Hashable {
  /// From the first byte of a head to its last.
  public var head: Duration
  /// Between two requests of a connection, and between two reads or writes of a body.
  public var idle: Duration
  /// How long SIGTERM waits for exchanges under way.
  public var drain: Duration
  /// How long listeners stay open after SIGTERM.
  public var drainDelay: Duration
}

/// Where a token may stand in a request, in the order in which it is looked for.
public enum CredentialSource: Sendable, Hashable {
  case authorization
  case cookie(String)
}

public enum KeyLocation: Sendable, Hashable {
  case jwksURL(String)
  /// `issuer` + `/.well-known/openid-configuration`.
  case discovery
  case jwksFile(String)
  case secretFile(String)
  /// This gateway's own keys: a folder, and the algorithm of new ones.
  case signing(folder: String, algorithm: String)
}

public struct ProviderConfiguration: Sendable {
  public var name: String
  public var policy: TokenPolicy
  public var keys: KeyLocation
  /// A PEM file to verify the issuer's TLS certificate with; nil: the system's.
  public var certificateAuthorityFile: String?
  public var credentialSources: [CredentialSource]
  public var refreshEvery: Duration
  public var staleFor: Duration
}

public struct UpstreamConfiguration: Sendable, Hashable {
  public enum Kind: Sendable, Hashable { case servers([ServerAddress]), echo }
  public var name: String
  public var kind: Kind
  public var connectTimeout: Duration
  /// To the first byte of the answer.
  public var responseTimeout: Duration
  /// How long an idle connection is kept.
  public var idleTimeout: Duration
  /// Further attempts after a failure that is safe to retry, 0 to 10.
  public var retries: Int
}

/// A server of an upstream.
public enum ServerAddress: Sendable, Hashable {
  case ipv4(String, port: UInt16)
  case ipv6(String, port: UInt16)
  case unix(String)
}

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
  public var bodyBytesMax: UInt64?
  /// Overrides the upstream's `responseTimeout`.
  public var responseTimeout: Duration?
}

/// What becomes of the credential that authenticated the request.
public enum TokenForwarding: String, Sendable, Hashable, CaseIterable {
  case remove
  case forward
}
