public import Crypto
public import Tokens

/// A person who may sign in with a password.
public struct User: Sendable {
  /// What tokens call them in `sub`: it stays when the username changes, and nobody else ever gets it.
  public let id: String
  /// What they type; compared byte for byte.
  public let username: String
  /// What the password is compared with.
  public let passwordHash: PasswordHash
  /// For `require.roles`; in tokens as the claim `roles`.
  public let roles: [String]
  /// For `require.permissions`; in tokens as the claim `permissions`.
  public let permissions: [String]
  /// In tokens as the claim `scope`.
  public let scopes: [String]
  /// Further claims of their tokens, in the order of the file: strings, integers, booleans, and lists of those. None
  /// is one that the gateway sets itself.
  public let claims: [ClaimMember]
  /// Whether they may neither sign in nor go on with a sign-in that they have.
  public let isDisabled: Bool
}

/// A program that gets tokens for itself with a secret (RFC 6749 §4.4).
public struct MachineClient: Sendable {
  /// Its `client_id`, and what tokens call it in `sub`.
  public let id: String
  /// What the secret is compared with.
  public let secretHash: PasswordHash
  /// For `require.roles`; in tokens as the claim `roles`.
  public let roles: [String]
  /// For `require.permissions`; in tokens as the claim `permissions`.
  public let permissions: [String]
  /// In tokens as the claim `scope`.
  public let scopes: [String]
  /// Whether it gets no tokens.
  public let isDisabled: Bool
}
