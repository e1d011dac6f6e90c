import Crypto
import OAuth

/// The request for an authorization code, which the browser takes to the provider (RFC 6749 §4.1.1, OpenID Connect Core
/// 1.0 §3.1.2.1, RFC 7636 §4.3).
struct AuthorizationRequest: Sendable {
  let clientID: String
  /// From the configuration, never from a request (SECURITY C-6).
  let redirectURI: String
  /// `openid` is among them.
  let scopes: [String]

  /// The URL that the browser is sent to.
  ///
  /// - Parameter endpoint: The provider's; it may have a query of its own, which stays (RFC 6749 §3.1).
  func url(endpoint: String, flow: Flow) throws(CryptoError) -> String {
    AuthorizationRequest.add(
      [
        ("response_type", "code"), ("client_id", clientID), ("redirect_uri", redirectURI),
        ("scope", scopes.joined(separator: " ")), ("state", flow.state), ("nonce", flow.nonce),
        ("code_challenge", try flow.proofKey.challenge()), ("code_challenge_method", ProofKey.method),
      ] + (flow.stepUp?.parameters ?? []), to: endpoint)
  }

  /// An endpoint's URL with these parameters behind those that it has.
  static func add(_ parameters: [(name: String, value: String)], to endpoint: String) -> String {
    let query = FormEncoding.encode(parameters.map { (name: $0.name, value: Array($0.value.utf8)) })
    let border =
      if !endpoint.utf8.contains(UInt8(ascii: "?")) {
        "?"
      } else if endpoint.hasSuffix("?") || endpoint.hasSuffix("&") {
        ""
      } else {
        "&"
      }
    return endpoint + border + String(decoding: query, as: UTF8.self)
  }
}
