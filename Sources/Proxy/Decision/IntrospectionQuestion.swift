public import HTTP

/// What a loop wants to know of a token, and all that brings the response back to the exchange that waits for it.
public struct IntrospectionQuestion: Sendable {
  public let token: [UInt8]
  /// The provider's index.
  public let provider: Int
  /// Whether the token is the id of a session.
  public let isSession: Bool
  /// Who sent it; nil where there is no address.
  public let client: IPAddress?
  /// Whether it is about a tunnel that is open, and nobody waits.
  let isOfTunnel: Bool
  /// The generation of the configuration that `provider` is an index of.
  public let configuration: UInt64
  /// The loop.
  let worker: Int
  let slot: Int
  /// The exchange of the slot: a response to an earlier one is dropped.
  let exchange: UInt64
}
