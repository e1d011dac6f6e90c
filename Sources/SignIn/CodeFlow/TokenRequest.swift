import Fetch
import OAuth
import Tokens

/// What a token endpoint is asked for (RFC 6749 §4.1.3, §6).
enum TokenRequest: Sendable {
  /// `redirectURI` is the one that the browser was sent with; `verifier` is PKCE's (RFC 7636 §4.5).
  case code(String, redirectURI: String, verifier: String)
  case refresh(String)

  /// How long a response may take, in all: a browser waits for it.
  static let timeout: Duration = .seconds(4)
  static let responseBytesMax = 256 * 1024

  /// - Parameters:
  ///   - endpoint: The token endpoint's URL.
  ///   - now: For the client assertion, where one is made.
  func make(
    client: OAuthClient, endpoint: String, certificateAuthorityFile: String?, now: UnixSeconds
  ) throws(CodeFlowFault) -> FetchRequest {
    var request: FetchRequest
    do throws(ClientFault) {
      request = try client.post(fields, to: endpoint, now: now)
    } catch {
      throw .client(error)
    }
    request.certificateAuthorityFile = certificateAuthorityFile
    request.timeout = TokenRequest.timeout
    request.bodyBytesMax = TokenRequest.responseBytesMax
    return request
  }

  private var fields: [(name: String, value: [UInt8])] {
    switch self {
    case .code(let code, let redirectURI, let verifier):
      [
        ("grant_type", Array("authorization_code".utf8)), ("code", Array(code.utf8)),
        ("redirect_uri", Array(redirectURI.utf8)), ("code_verifier", Array(verifier.utf8)),
      ]
    case .refresh(let token):
      [("grant_type", Array("refresh_token".utf8)), ("refresh_token", Array(token.utf8))]
    }
  }
}
