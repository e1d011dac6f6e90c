import Configuration
import Crypto
import HTTP
import Reason
import State
import Tokens

/// The end of sessions.
extension CodeFlowService {
  /// Ends the browser's session here, and sends it to end the provider's (OpenID Connect RP-Initiated Logout 1.0 §2).
  func logOut(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.isOfOwnPage else {
      return completion(EndpointResponses.notOfOwnPage(request))
    }
    let named: SessionID?
    do throws(CryptoError) {
      named = try session(of: request)
    } catch {
      failed(.crypto(error))
      return completion(page(.internalError, request))
    }
    // Nobody is signed in, which is what was asked for.
    guard let session = named else { return goOn(nil, of: nil, completion) }
    store.end(hash: session.hash, provider: provider, now: now) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          completion(page(.signInUnavailable, request))
        case .success(nil): goOn(nil, of: nil, completion)
        case .success(let record?):
          say(.signedOut(subject: record.subject, id: record.id, address: request.clientAddress))
          let hint = idToken(of: record, session)
          let subject = subject(of: record, now: now)
          endSessions([record.id]) { [self] in
            onQueue { [self] in goOn(hint, of: subject, completion) }
          }
        }
      }
    }
  }

  /// The last ID token of a session; nil if there is none, or it cannot be opened: the session has ended all the same.
  private func idToken(of record: SessionRecord, _ session: SessionID) -> String? {
    do throws(CryptoError) {
      return try session.open(record.sealedTokens)?.idToken
    } catch {
      failed(.crypto(error))
      return nil
    }
  }

  /// - Parameters:
  ///   - hint: The last ID token of the session that has ended, if any: without it some providers ask whether the logout
  ///     is meant (§2).
  ///   - subject: As routes named whose session has ended; nil: there was none, or it was not good any more.
  private func goOn(_ hint: String?, of subject: String?, _ completion: @escaping Completion) {
    let cookies = [configuration.cookies.set(configuration.cookies.session, "", seconds: 0)]
    access.endpoints { [self] result in
      onQueue { [self] in
        // Without a word of the provider the session here has ended all the same.
        guard case .success(let endpoints) = result, let endpoint = endpoints.endSession else {
          return completion(
            EndpointResponses.goOn(at: configuration.afterLogout, cookies: cookies).naming(subject, of: provider))
        }
        let url = AuthorizationRequest.add(
          [
            ("client_id", configuration.clientID),
            ("post_logout_redirect_uri", configuration.origin + configuration.afterLogout),
          ], to: endpoint)
        let hinted = hint.map { AuthorizationRequest.add([("id_token_hint", $0)], to: url) } ?? url
        completion(
          EndpointResponses.goOn(at: hinted.utf8.count <= CodeFlow.logoutURLBytesMax ? hinted : url, cookies: cookies)
            .naming(subject, of: provider))
      }
    }
  }

  /// The provider ends sessions (OpenID Connect Back-Channel Logout 1.0 §2.5): what proves that it is the provider is the
  /// token's signature.
  func logOutByProvider(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.mediaType == .form, let token = FormFields(request.body)?["logout_token"] else {
      return completion(
        EndpointResponses.error(.invalidRequest, "a form with logout_token is needed", .logoutTokenRefused))
    }
    do throws(CodeFlowFault) {
      end(try logoutTokens.verify(token, keys: access.keys(), revocations: inForce, now: now), completion)
    } catch {
      guard error.mayBeCuredByKeys else { return refuse(error, completion) }
      access.newKeys { [self] keys in
        onQueue { [self] in
          do throws(CodeFlowFault) {
            end(try logoutTokens.verify(token, keys: keys, revocations: inForce, now: now), completion)
          } catch {
            refuse(error, completion)
          }
        }
      }
    }
  }

  private func refuse(_ fault: CodeFlowFault, _ completion: Completion) {
    failed(fault)
    guard fault.reason != .internalError else {
      return completion(EndpointResponses.error(.serverError, nil, .internalError))
    }
    completion(EndpointResponses.error(.invalidRequest, nil, .logoutTokenRefused))
  }

  private func end(_ token: LogoutToken, _ completion: @escaping Completion) {
    let hash: [UInt8]
    do throws(CryptoError) {
      hash = try HashFunction.sha256.digest(of: Array("logout \(token.tokenID)".utf8).span)
    } catch {
      return refuse(.crypto(error), completion)
    }
    let unavailable = EndpointResponses.error(.temporarilyUnavailable, nil, .signInUnavailable)
    let order = SessionsEnd(
      hash: hash, until: token.deadline, subject: token.subject, providerSessionID: token.sessionID,
      issuedAt: token.issuedAt, signInSecondsMax: CodeFlow.signInSecondsMax)
    store.endAll(order, provider: provider, now: now) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          completion(unavailable)
        case .success(nil): refuse(.tokenRefused(.logout, "it came before"), completion)
        case .success(let ids?):
          say(.endedByProvider(count: ids.count))
          // §2.8: 200, and nothing that is kept.
          let done = LocalResponse(status: 200, fields: [("Cache-Control", "no-store")], body: [])
            .naming(token.name, of: provider)
          endSessions(ids) { completion(done) }
        }
      }
    }
  }
}
