import JSON
public import Tokens

/// What the issuer says of itself (RFC 8414 §3, OpenID Connect Discovery 1.0 §4), for whoever verifies its tokens or asks
/// for some.
public enum IssuerMetadata {
  /// - Parameters:
  ///   - base: Where the gateway is, as the issuer's URL says: `https://example.com`.
  ///   - path: Of the sign-in.
  ///   - keysPath: Where the provider's keys are published.
  public static func document(
    issuer: String, base: String, path: String, keysPath: String, algorithm: SignatureAlgorithm
  ) -> [UInt8] {
    let texts = { (list: [String]) in JSONValue.array(list.map { .string($0) }) }
    return JSONValue.object([
      "issuer": .string(issuer),
      "jwks_uri": .string(base + keysPath),
      "token_endpoint": .string("\(base)\(path)/token"),
      "token_endpoint_auth_methods_supported": texts(["client_secret_basic", "client_secret_post"]),
      "grant_types_supported": texts(["client_credentials"]),
      // No flow has an authorization endpoint; a list is required all the same (RFC 8414 §2), and must not be empty (§3.2).
      // Issuers without one publish this: Kubernetes and GitHub Actions among them.
      "response_types_supported": texts(["id_token"]),
      "subject_types_supported": texts(["public"]),
      "id_token_signing_alg_values_supported": texts([algorithm.rawValue]),
      "access_token_signing_alg_values_supported": texts([algorithm.rawValue]),
      "claims_supported": texts([
        "iss", "sub", "preferred_username", "roles", "permissions", "scope", "aud", "iat", "nbf", "exp", "jti", "sid",
        "auth_time", "amr", "client_id",
      ]),
    ]).serialized()
  }
}
