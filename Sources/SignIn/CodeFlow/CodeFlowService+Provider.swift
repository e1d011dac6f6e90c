import Configuration
import Fetch
import JSON
import Reason
import Tokens

/// What is asked of the provider. Completions come on the service's queue, once.
extension CodeFlowService {
  func ask(
    _ request: TokenRequest, at endpoint: String,
    _ completion: @escaping @Sendable (Result<TokenResponse, CodeFlowFault>) -> Void
  ) {
    let fetched: FetchRequest
    do throws(CodeFlowFault) {
      fetched = try request.make(
        client: client, endpoint: endpoint, certificateAuthorityFile: certificateAuthorityFile, now: now)
    } catch {
      return completion(.failure(error))
    }
    access.fetch(fetched) { [self] result in
      onQueue {
        do throws(CodeFlowFault) {
          completion(.success(try TokenResponse(try CodeFlowFault.ofFetches(result))))
        } catch {
          completion(.failure(error))
        }
      }
    }
  }

  /// Verifies an ID token; once more where its key may have been published meanwhile.
  func verify(
    _ token: String, for occasion: IDTokenVerifier.Occasion, accessToken: String,
    _ completion: @escaping @Sendable (Result<IDToken, CodeFlowFault>) -> Void
  ) {
    let first = result { () throws(CodeFlowFault) in
      try idTokens.verify(
        token, for: occasion, accessToken: accessToken, keys: access.keys(), revocations: inForce, now: now)
    }
    guard case .failure(let fault) = first, fault.mayBeCuredByKeys else { return completion(first) }
    access.newKeys { [self] keys in
      onQueue { [self] in
        completion(
          result { () throws(CodeFlowFault) in
            try idTokens.verify(
              token, for: occasion, accessToken: accessToken, keys: keys, revocations: inForce, now: now)
          })
      }
    }
  }

  /// What the provider says beside the ID token (OpenID Connect Core 1.0 §5.3); nil where it is not asked.
  func userinfo(
    of idToken: IDToken, accessToken: String, _ endpoints: ProviderEndpoints,
    _ completion: @escaping @Sendable (Result<JSONObject?, CodeFlowFault>) -> Void
  ) {
    guard configuration.asksUserinfo, let endpoint = endpoints.userinfo else { return completion(.success(nil)) }
    var request = FetchRequest(
      url: endpoint, certificateAuthorityFile: certificateAuthorityFile, timeout: TokenRequest.timeout,
      bodyBytesMax: CodeFlow.userinfoBytesMax)
    request.fields = [FetchRequest.Field(name: "Authorization", value: "Bearer \(accessToken)")]
    access.fetch(request) { [self] fetched in
      onQueue { [self] in
        completion(
          result { () throws(CodeFlowFault) in
            let response = try CodeFlowFault.ofFetches(fetched)
            guard response.status == 200 else { throw .status(response.status, of: .userinfo) }
            guard response.contentType.map(TokenResponse.isJSON) ?? false,
              let members = try? JSON.parse(response.body.span).object
            else { throw .responseMalformed("userinfo is not a strict JSON object") }
            // §5.3.2: another user's would be mixed in otherwise.
            guard let subject = members["sub"]?.string else { throw .responseMalformed("userinfo has no sub") }
            guard subject.isSameBytes(as: idToken.subject) else { throw .userinfoOfAnother }
            return members
          })
      }
    }
  }

  private func result<Value>(_ body: () throws(CodeFlowFault) -> Value) -> Result<Value, CodeFlowFault> {
    do throws(CodeFlowFault) {
      return .success(try body())
    } catch {
      return .failure(error)
    }
  }
}

extension CodeFlowFault {
  static func ofFetches(_ response: Result<FetchResponse, FetchError>) throws(CodeFlowFault) -> FetchResponse {
    switch response {
    case .success(let response): return response
    case .failure(let error): throw .fetch(error)
    }
  }

  /// Whether other keys may make it good.
  var mayBeCuredByKeys: Bool {
    guard case .token(_, let error) = self else { return false }
    return error.reason == .keyUnknown || error.reason == .keysUnavailable
  }
}
