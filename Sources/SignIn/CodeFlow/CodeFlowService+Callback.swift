import Configuration
import Crypto
import Fetch
import HTTP
import JSON
import Reason
import State
import Synchronization
import Tokens

/// The way to the provider and back.
extension CodeFlowService {
  /// Sends a browser to the provider.
  func begin(_ request: LocalRequest, _ completion: @escaping Completion) {
    let query = FormFields(query: request.query)
    let asked = query?.text("return_to")
    let returnTo = ReturnTo.checked(asked.flatMap { $0.utf8.count > CodeFlowConfiguration.returnToBytesMax ? nil : $0 })
    let stepUp = StepUp(query)
    access.endpoints { [self] result in
      onQueue { [self] in
        do throws(CodeFlowFault) {
          let endpoints = try result.get()
          completion(try sendAway(request, to: endpoints.authorization, returnTo: returnTo, stepUp))
        } catch {
          failed(error)
          completion(page(error.reason, request, returnTo: returnTo, stepUp: stepUp))
        }
      }
    }
  }

  private func sendAway(
    _ request: LocalRequest, to endpoint: String, returnTo: String, _ stepUp: StepUp?
  ) throws(CodeFlowFault) -> LocalResponse {
    do throws(CryptoError) {
      // Pages of this host may show what others have put there: an image begins no way of the person's.
      let origin: FlowCookies.Origin = request.isOfOtherOrigin || !request.isNavigation ? .other : .own
      let (kept, surplus) = FlowCookies.kept(of: flowCookies(of: request), origin) { value in
        try? FlowSecret.open(value, with: sealing, provider: provider, now: now).beganAt
      }
      let place = try FlowCookies.draw(besides: kept, origin)
      let (flow, value) = try Flow.begin(
        returnTo: returnTo, stepUp: stepUp, place: place, now: now, with: sealing, provider: provider)
      let name = flowCookie(place)
      let cookies = surplus.filter { $0 != name }.map { configuration.cookies.set($0, "", seconds: 0) }
      return EndpointResponses.goOn(
        at: try authorization.url(endpoint: endpoint, flow: flow),
        cookies: cookies + [configuration.cookies.set(name, value, seconds: CodeFlow.secondsMax)])
    } catch {
      throw .crypto(error)
    }
  }

  private func flowCookie(_ place: Int) -> String { "\(configuration.cookies.flowPrefix)\(place)" }

  private func flowCookies(of request: LocalRequest) -> [FlowCookies.Cookie] {
    let prefix = configuration.cookies.flowPrefix
    return request.cookies(withPrefix: prefix).map { cookie in
      FlowCookies.Cookie(
        place: Int(cookie.name.dropFirst(prefix.count)), value: cookie.value, name: cookie.name)
    }
  }

  // MARK: callback

  /// A browser comes back from the provider.
  func comeBack(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard let query = FormFields(query: request.query, only: CodeFlowService.callbackParameters) else {
      return refuse(.malformed, request, completion)
    }
    access.endpoints { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          failed(fault)
          completion(page(fault.reason, request))
        case .success(let endpoints): comeBack(request, query, endpoints, completion)
        }
      }
    }
  }

  private func comeBack(
    _ request: LocalRequest, _ query: FormFields, _ endpoints: ProviderEndpoints, _ completion: @escaping Completion
  ) {
    let response: AuthorizationResponse
    let state: FlowState
    do throws(CallbackFault) {
      response = try AuthorizationResponse(
        try parameters(of: query), issuer: policy.issuer, sendsIssuer: endpoints.sendsIssuer)
      state = try FlowState.open(response.state, with: sealing, provider: provider)
    } catch {
      return refuse(error, request, completion)
    }
    let cookie = flowCookie(state.place)
    let opened: Flow
    do throws(CallbackFault) {
      opened = try Flow.open(
        state, text: response.state, cookie: request.cookie(cookie), with: sealing, provider: provider, now: now)
    } catch {
      return refuse(error, request, of: state, completion)
    }
    let way = Way(request: request, flow: opened, flowCookie: cookie, endpoints: endpoints, completion: completion)
    switch response {
    // Nothing comes of it, so nothing is remembered of it: whoever makes them up writes nothing to the disk. Nor are they
    // counted: a link of any page has a browser ask for what its provider refuses, and would shut out its address.
    case .refused(let error, _): end(way, .refused(error: error))
    case .code(let code, _): bring(code, way)
    }
  }

  private static let callbackParameters = ["code", "state", "iss", "error"]

  private func parameters(of query: FormFields) throws(CallbackFault) -> [(name: String, value: String)] {
    var parameters: [(name: String, value: String)] = []
    for name in CodeFlowService.callbackParameters {
      guard let bytes = query[name] else { continue }
      guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
      parameters.append((name, text))
    }
    return parameters
  }

  /// - Parameter state: What was sealed here, whichever browser brings it; nil where nothing was.
  private func refuse(
    _ fault: CallbackFault, _ request: LocalRequest, of state: FlowState? = nil, _ completion: Completion
  ) {
    if case .crypto(let error) = fault {
      failed(.crypto(error))
      return completion(page(.internalError, request))
    }
    refused(fault, request)
    guard let state else { return completion(page(.callbackInvalid, request)) }
    completion(page(.callbackInvalid, request, returnTo: state.returnTo, stepUp: state.stepUp))
  }

  /// Of codes no more are redeemed at a time than the provider is to be asked about.
  private func bring(_ code: String, _ way: Way) {
    let request = way.request
    let hash: [UInt8]
    do throws(CryptoError) {
      hash = try HashFunction.sha256.digest(of: Array(way.flow.state.utf8).span)
    } catch {
      return refuse(.crypto(error), request, way.completion)
    }
    // Whoever makes up codes has the provider asked for each. Until here nothing of the way is used up: the same address
    // may be loaded again.
    let attempt = LoginThrottle.Attempt(client: request.client)
    if case .refused(let seconds) = memory.throttle.withLock({ $0.begin(attempt, now: now) }) {
      return way.completion(
        page(
          .loginThrottled, request, returnTo: way.flow.returnTo, stepUp: way.flow.stepUp, retryAfterSeconds: seconds))
    }
    guard memory.redemptions.enter(attempt.address) else {
      return way.completion(page(.loginBusy, request, returnTo: way.flow.returnTo, stepUp: way.flow.stepUp))
    }
    var counted = way
    counted.completion = { [memory] response in
      memory.redemptions.leave(attempt.address)
      way.completion(response)
    }
    // Once, in whatever process (SECURITY C-5).
    store.spend(hash: hash, until: counted.flow.beganAt + CodeFlow.secondsMax + TokenPolicy.leewayMaxSeconds, now: now)
    {
      [self, counted] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault): storeFailed(fault, counted)
        case .success(false):
          refused(.replayed, request)
          end(counted, .callbackInvalid)
        case .success(true): redeem(code, counted)
        }
      }
    }
  }

  /// A browser that has come back with what was sent with it.
  struct Way: Sendable {
    let request: LocalRequest
    let flow: Flow
    let flowCookie: String
    let endpoints: ProviderEndpoints
    /// Called once, from anywhere.
    var completion: Completion
  }

  private func end(_ way: Way, _ fault: CodeFlowFault) {
    failed(fault)
    // A code that the provider does not take is this browser's matter: it is old, or was used.
    if case .refused(error: "invalid_grant") = fault { return end(way, .callbackInvalid) }
    end(way, fault.reason)
  }

  private func end(_ way: Way, _ reason: Reason) {
    way.completion(
      page(
        reason, way.request, returnTo: way.flow.returnTo, stepUp: way.flow.stepUp, cookies: [forgetting(way)]))
  }

  /// The way's cookie has served.
  private func forgetting(_ way: Way) -> String { configuration.cookies.set(way.flowCookie, "", seconds: 0) }

  private func storeFailed(_ fault: StoreFault, _ way: Way) {
    storeFailed(fault)
    end(way, .signInUnavailable)
  }

  private func redeem(_ code: String, _ way: Way) {
    let request = TokenRequest.code(code, redirectURI: configuration.redirectURI, verifier: way.flow.verifier)
    ask(request, at: way.endpoints.token) { [self] result in
      if case .failure(let fault) = result, fault.isOfCode {
        _ = memory.throttle.withLock { $0.ended(LoginThrottle.Attempt(client: way.request.client), .failed, now: now) }
      }
      do throws(CodeFlowFault) {
        let tokens = try result.get()
        guard let idToken = tokens.idToken else { throw .idTokenMissing }
        let occasion = IDTokenVerifier.Occasion.code(nonce: way.flow.nonce, stepUp: way.flow.stepUp)
        verify(idToken, for: occasion, accessToken: tokens.accessToken) { [self] result in
          do throws(CodeFlowFault) {
            complete(tokens, try result.get(), way)
          } catch {
            end(way, error)
          }
        }
      } catch {
        end(way, error)
      }
    }
  }

  private func complete(_ tokens: TokenResponse, _ idToken: IDToken, _ way: Way) {
    userinfo(of: idToken, accessToken: tokens.accessToken, way.endpoints) { [self] result in
      do throws(CodeFlowFault) {
        try beginSession(tokens, idToken, try result.get(), way)
      } catch {
        end(way, error)
      }
    }
  }

  private func beginSession(
    _ tokens: TokenResponse, _ idToken: IDToken, _ userinfo: JSONObject?, _ way: Way
  ) throws(CodeFlowFault) {
    let began = now
    let session: SessionID
    let record: SessionRecord
    let former: SessionID?
    do throws(CryptoError) {
      former = try self.session(of: way.request)
      session = try SessionID.random()
      let id = Base64URL.text(try RandomBytes.make(CodeFlow.stateBytes))
      let expiresAt = began + configuration.lifetimeSeconds
      record = SessionRecord(
        id: id, provider: provider, subject: idToken.subject, providerSessionID: idToken.sessionID,
        claims: SessionClaims.make(idToken.claims, userinfo: userinfo, id: id, expiresAt: expiresAt),
        sealedTokens: try session.seal(
          SessionTokens(
            refreshToken: tokens.refreshToken, nonce: way.flow.nonce, idToken: idToken.text)),
        renewAt: tokens.renewAt(now: began, sessionEnds: expiresAt, refreshToken: tokens.refreshToken),
        beganAt: began, lastUsedAt: began, expiresAt: expiresAt)
    } catch {
      throw .crypto(error)
    }
    // What routes would refuse is no session: its cookie would lead from one page to the other for ever.
    let subject: String?
    switch judged(record, now: began) {
    case .refused(let error): throw .token(.identity, error)
    case .active(let session) where isRevoked(session.claims): throw .revoked
    case .active(let session): subject = session.claims.subject
    case .inactive, .unavailable: subject = nil
    }
    let origin = SessionOrigin(beganAt: way.flow.beganAt, authenticatedAt: idToken.authenticatedAt)
    guard way.flow.stepUp != nil, let former else {
      return keep(record, session, of: subject, former: former, origin, way)
    }
    // They were sent to show more of themselves, not to become somebody else.
    find(former) { [self] found in
      switch found {
      case .failure(let fault): storeFailed(fault, way)
      case .success(let one?) where !one.subject.isSameBytes(as: record.subject):
        end(way, .authenticationInsufficient("someone else has come back"))
      case .success: keep(record, session, of: subject, former: former, origin, way)
      }
    }
  }

  /// - Parameter subject: As routes will name whose session it is.
  private func keep(
    _ record: SessionRecord, _ session: SessionID, of subject: String?, former: SessionID?, _ origin: SessionOrigin,
    _ way: Way
  ) {
    store.begin(record, hash: session.hash, former: former?.hash, origin: origin) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault): storeFailed(fault, way)
        case .success(nil): end(way, .endedMeanwhile)
        case .success(let ended?):
          say(.signedIn(subject: record.subject, id: record.id, address: way.request.clientAddress))
          let cookies = [
            configuration.cookies.set(
              configuration.cookies.session, session.text, seconds: configuration.lifetimeSeconds),
            forgetting(way),
          ]
          let response = EndpointResponses.goOn(at: way.flow.returnTo, cookies: cookies)
            .naming(subject, of: provider)
          if ended.isEmpty { return way.completion(response) }
          endSessions(ended) { way.completion(response) }
        }
      }
    }
  }
}

extension AuthorizationResponse {
  var state: String {
    switch self {
    case .code(_, let state), .refused(_, let state): state
    }
  }
}

extension TokenResponse {
  /// When the provider has to be asked again: when the access token is over, where it can be.
  ///
  /// - Parameter refreshToken: What it would be asked with.
  func renewAt(now: UnixSeconds, sessionEnds: UnixSeconds, refreshToken: String?) -> UnixSeconds {
    guard refreshToken != nil else { return sessionEnds }
    let seconds = max(expiresInSeconds ?? CodeFlow.accessSecondsDefault, CodeFlow.renewalSecondsMin)
    return min(sessionEnds, now + seconds)
  }
}
