public import Crypto
public import Tokens

/// Somebody who may sign in.
public struct User: Sendable {
  /// What tokens call them in `sub`: it stays when the username changes, and nobody else ever gets it.
  public let id: String
  /// What they type; compared byte for byte.
  public let username: String
  public let passwordHash: PasswordHash
  public let roles: [String]
  public let permissions: [String]
  public let scopes: [String]
  /// Further claims of their tokens, in the order of the file: strings, integers, booleans, and lists of those. None
  /// is one that the gateway sets itself.
  public let claims: [ClaimMember]
  /// Whether they may not sign in, nor go on with what they began.
  public let isDisabled: Bool
}

/// A program that gets tokens for itself with a secret (RFC 6749 §4.4).
public struct MachineClient: Sendable {
  /// Its `client_id`, and what tokens call it in `sub`.
  public let id: String
  public let secretHash: PasswordHash
  public let roles: [String]
  public let permissions: [String]
  public let scopes: [String]
  public let isDisabled: Bool
}
