import HTTP
import Sockets

/// Requests of the loops that carry traffic to the control loop; called from any loop.
public struct ControlRequests: Sendable {
  /// Asks for the keys of a provider that may have a new one: by its index, and the generation of the configuration that
  /// it is of. Ends in `Server.update(keys:)`, where that configuration is still in force.
  let fetchKeys: @Sendable (_ provider: Int, _ configuration: UInt64) -> Void
  /// Has an issuer asked about a token. Ends in `Server.answer`, where its configuration is still in force.
  let introspect: @Sendable (IntrospectionQuestion) -> Void
  /// Has a refresh token used. Ends in `Server.answer`.
  let renew: @Sendable (RenewalRequest) -> Void
  /// Has the names of an upstream's servers resolved anew, which may have other addresses. Ends in `Server.update`, where
  /// they do.
  let lookUp: @Sendable (UpstreamState) -> Void

  /// Those that are not given come to nothing.
  public init(
    fetchKeys: @escaping @Sendable (_ provider: Int, _ configuration: UInt64) -> Void = { _, _ in },
    introspect: @escaping @Sendable (IntrospectionQuestion) -> Void = { _ in },
    renew: @escaping @Sendable (RenewalRequest) -> Void = { _ in },
    lookUp: @escaping @Sendable (UpstreamState) -> Void = { _ in }
  ) {
    self.fetchKeys = fetchKeys
    self.introspect = introspect
    self.renew = renew
    self.lookUp = lookUp
  }
}
