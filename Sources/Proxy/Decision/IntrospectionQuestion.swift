public import HTTP

/// A loop's question about a credential, and all that leads the response back to the exchange that waits for it.
public struct IntrospectionQuestion: Sendable {
  /// What is asked about. It is a secret.
  public let credential: IntrospectedCredential
  /// The provider's index.
  public let provider: Int
  /// The client that sent it; nil if it has no address.
  public let client: IPAddress?
  /// Whether it is about an open tunnel, so that no request waits.
  let isOfTunnel: Bool
  /// The generation of the configuration that `provider` is an index of.
  public let configuration: UInt64
  /// The index of the loop.
  let worker: Int
  let slot: Int
  /// The generation of the slot's exchange: a response to an earlier one is dropped.
  let exchange: UInt64
}
