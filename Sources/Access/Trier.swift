/// Who has a `try` section: what it asks for is decided, and enforced for nobody or for a share of the senders.
public enum Trier: Sendable {
  case route
  /// Of the token.
  case provider
}
