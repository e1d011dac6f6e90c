public import HTTP
import JSON
public import Tokens

/// Answers with what the issuer says of itself (RFC 8414 §3, OpenID Connect Discovery 1.0 §4), for whoever verifies its
/// tokens or asks for some.
public final class IssuerMetadata: Responder, Sendable {
  private let document: [UInt8]

  /// - Parameters:
  ///   - base: Where the gateway is, as the issuer's URL says: `https://example.com`.
  ///   - path: Of the sign-in.
  ///   - keysPath: Where the provider's keys are published.
  public init(issuer: String, base: String, path: String, keysPath: String, algorithm: SignatureAlgorithm) {
    let texts = { (list: [String]) in JSONValue.array(list.map { .string($0) }) }
    document = JSONValue.object([
      "issuer": .string(issuer),
      "jwks_uri": .string(base + keysPath),
      "token_endpoint": .string("\(base)\(path)/token"),
      "token_endpoint_auth_methods_supported": texts(["client_secret_basic", "client_secret_post"]),
      "grant_types_supported": texts(["client_credentials"]),
      "userinfo_endpoint": .string("\(base)\(path)/me"),
      // No flow has an authorization endpoint, so there is no response either.
      "response_types_supported": texts([]),
      "subject_types_supported": texts(["public"]),
      "id_token_signing_alg_values_supported": texts([algorithm.rawValue]),
      "access_token_signing_alg_values_supported": texts([algorithm.rawValue]),
      "claims_supported": texts([
        "iss", "sub", "preferred_username", "roles", "permissions", "scope", "aud", "iat", "nbf", "exp", "jti", "sid",
        "auth_time", "amr",
      ]),
    ]).serialized()
  }

  public func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
    guard request.method == "GET" || request.method == "HEAD" else {
      return completion(Answers.notAllowed(request, allowed: "GET, HEAD"))
    }
    completion(
      LocalResponse(
        status: 200, fields: [("Content-Type", "application/json"), ("Cache-Control", "public, max-age=300")],
        body: document))
  }
}
