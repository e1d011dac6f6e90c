import Configuration
import Crypto
import HTTP
import JSON
import Reason
import Sockets
import State
import Synchronization
import Tokens

/// Tokens for machines (RFC 6749 §4.4).
extension SignInService {
  func issueToClient(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.mediaType == .form else {
      return completion(
        EndpointResponses.error(
          .invalidRequest, "Content-Type has to be application/x-www-form-urlencoded", .signInRequestInvalid))
    }
    let form: FormFields
    do throws(FormFields.Fault) {
      form = try FormFields(checking: request.body).withoutEmpty
    } catch {
      let why = SignInService.explanation(of: error)
      return completion(EndpointResponses.error(.invalidRequest, why, .signInRequestInvalid))
    }
    guard let grant = form.text("grant_type") else {
      return completion(EndpointResponses.error(.invalidRequest, "grant_type is missing", .signInRequestInvalid))
    }
    guard grant == "client_credentials" else {
      return completion(
        EndpointResponses.error(.unsupportedGrantType, "only client_credentials is supported", .signInRequestInvalid))
    }
    let credentials: ClientCredentials
    do throws(ClientCredentials.Fault) {
      credentials = try ClientCredentials(request, form)
    } catch {
      return completion(error.response)
    }
    // Of spaces alone it asks for nothing, as if it were left out.
    let scope = form.text("scope").flatMap { $0.allSatisfy { $0 == " " } ? nil : $0 }
    authenticate(credentials, request) { [self] outcome in
      switch outcome {
      case .client(let client): issue(to: client, scope: scope, request, completion)
      case .failed: completion(ClientCredentials.refused)
      case .throttled(let seconds):
        completion(
          EndpointResponses.error(
            .temporarilyUnavailable, "too many attempts", .loginThrottled, fields: [("Retry-After", "\(seconds)")]))
      case .busy:
        completion(EndpointResponses.busy)
      }
    }
  }

  /// Of what the client sent, only names that belong here are repeated.
  private static func explanation(of fault: FormFields.Fault) -> String {
    guard case .repeated(let name) = fault else { return "the form is malformed" }
    let known = ["grant_type", "scope", "client_id", "client_secret", "resource", "audience"]
    return "\(known.contains(name) ? name : "a parameter") is in the form more than once (RFC 6749, 3.2)"
  }

  private func issue(
    to client: MachineClient, scope: String?, _ request: LocalRequest, _ completion: @escaping Completion
  ) {
    // Not of a refusal: the secret was none that counts.
    let named: Completion = { [self] in completion(answer($0, to: client.id)) }
    var scopes = client.scopes
    if let scope {
      var asked: [String] = []
      for name in scope.split(separator: " ").map({ String($0) }) where !asked.containsSameBytes(as: name) {
        asked.append(name)
      }
      guard asked.allSatisfy({ client.scopes.containsSameBytes(as: $0) }) else {
        return named(
          EndpointResponses.error(.invalidScope, "not all of these scopes are allowed", .signInRequestInvalid))
      }
      scopes = asked
    }
    let (record, hash): (SignInRecord, RefreshTokenHash)
    do throws(CryptoError) {
      record = try self.record(of: client, request)
      hash = try RefreshToken.first().hash
    } catch {
      failed(error.description)
      return named(EndpointResponses.error(.serverError, nil, .internalError))
    }
    state.store.goOn(record, hash: hash) { [self, scopes] result in
      onQueue { [self] in
        switch result {
        case .success(let signIn):
          // Whoever replaced the secret, or disabled the client, while this one was checked, wants it to have no more.
          if isGoodByNow(record) { return named(answer(client, scopes, signIn: signIn, at: record.authenticatedAt)) }
          guard signIn.isSameBytes(as: record.id) else { return completion(ClientCredentials.refused) }
          // Nobody has a token of it.
          endSignIn(record.id) { _ in completion(ClientCredentials.refused) }
        case .failure(let fault):
          storeFailed(fault)
          named(SignInService.unavailable)
        }
      }
    }
  }

  /// The sign-in that a machine's tokens are of, if its secret has begun none yet. It ends with the last of them.
  private func record(of client: MachineClient, _ request: LocalRequest) throws(CryptoError) -> SignInRecord {
    let now = now
    return SignInRecord(
      id: Base64URL.text(try RandomBytes.make(16)), provider: provider, subject: client.id, methods: ["secret"],
      authenticatedAt: now, lastUsedAt: now, expiresAt: now + tokenSecondsMax, tokensUntil: now + tokenSecondsMax,
      clientAddress: request.clientAddress, userAgent: SignInService.userAgent(request),
      passwordDigest: client.secretHash.digest)
  }

  /// - Parameter time: When its sign-in was begun or went on, which lasts until a token of that moment has expired.
  private func answer(
    _ client: MachineClient, _ scopes: [String], signIn: String, at time: UnixSeconds
  ) -> LocalResponse {
    let token: [UInt8]
    do throws(TokenNotMade) {
      guard let key = state.keys.first else { throw .noKey }
      token = try tokens.token(of: client, scopes: scopes, signIn: signIn, now: time, key: key)
    } catch {
      failed(error.description)
      return EndpointResponses.error(.serverError, nil, .internalError)
    }
    var members = [
      JSONObject.Member(name: "access_token", value: .string(String(decoding: token, as: UTF8.self))),
      JSONObject.Member(name: "token_type", value: .string("Bearer")),
      JSONObject.Member(name: "expires_in", value: .integer(max(configuration.lifetimeSeconds - (now - time), 0))),
    ]
    // No scope is none of one character or more (RFC 6749 §3.3).
    if !scopes.isEmpty {
      members.append(JSONObject.Member(name: "scope", value: .string(scopes.joined(separator: " "))))
    }
    return EndpointResponses.object(members)
  }

  private enum ClientAuthentication: Sendable {
    case client(MachineClient)
    case failed
    case throttled(Int64)
    case busy
  }

  /// As a user's password is checked: slowly, and not too often. A machine that asks often leaves room for others.
  private func authenticate(
    _ credentials: ClientCredentials, _ request: LocalRequest,
    _ completion: @escaping @Sendable (ClientAuthentication) -> Void
  ) {
    let attempt = LoginThrottle.Attempt(machine: credentials.id, client: request.client)
    if case .refused(let seconds) = state.clientThrottle.withLock({ $0.begin(attempt, now: now) }) {
      return completion(.throttled(seconds))
    }
    let users = state.users
    let client = users.client(id: credentials.id).flatMap { $0.isDisabled ? nil : $0 }
    let all = users.clients
    let hash =
      client?.secretHash
      ?? SignInService.anybodysHash(
        for: credentials.id, of: all.count, { all[$0].secretHash }, or: state.unmatched)
    guard let hash else {
      ended(attempt, .failed, request)
      return completion(.failed)
    }
    let (id, secret) = (credentials.id, credentials.secret)
    guard state.clientSecrets.enter(id) else {
      ended(attempt, .notAttempted, request)
      return completion(.busy)
    }
    let end = { @Sendable [self] (end: LoginThrottle.End, outcome: ClientAuthentication) in
      state.clientSecrets.leave(id)
      ended(attempt, end, request)
      completion(outcome)
    }
    let isTaken = passwords.submit(for: request.client) { [self] turn in
      guard turn == .inTime else { return onQueue { end(.notAttempted, .busy) } }
      let isRight = hash.matches(secret.span)
      onQueue {
        guard isRight, let client else { return end(.failed, .failed) }
        end(.succeeded, .client(client))
      }
    }
    if !isTaken { end(.notAttempted, .busy) }
  }

  private func ended(_ attempt: LoginThrottle.Attempt, _ end: LoginThrottle.End, _ request: LocalRequest) {
    let reached = state.clientThrottle.withLock { $0.ended(attempt, end, now: now) }
    guard reached.source != nil else { return }
    reportAll(
      state.attempts.withLock {
        $0.reached(reached, nil, from: request.clientAddress, ofPrograms: true, at: .current)
      })
  }
}

/// How a client says who it is (RFC 6749 §2.3.1).
struct ClientCredentials: Sendable {
  let id: String
  let secret: [UInt8]

  /// What whoever sent some is told that are no client's.
  fileprivate static let refused = EndpointResponses.error(.invalidClient, nil, .loginFailed, fields: challenge)

  /// A client may wait for it before it authenticates, as `curl --anyauth` does.
  private static let challenge = [(name: "WWW-Authenticate", value: "Basic realm=\"token\"")]

  /// RFC 6749 §5.2.
  enum Fault: Error {
    /// None, or none that can be read, or of another scheme.
    case missing
    /// More than one way, or two names.
    case ambiguous

    fileprivate var response: LocalResponse {
      switch self {
      case .missing:
        EndpointResponses.error(
          .invalidClient, "authenticate with Basic, or with client_id and client_secret in the form",
          .credentialMissing, fields: challenge)
      case .ambiguous:
        EndpointResponses.error(
          .invalidRequest, "use exactly one way to authenticate: Basic, or in the form", .signInRequestInvalid)
      }
    }
  }

  fileprivate init(_ request: LocalRequest, _ form: FormFields) throws(Fault) {
    if request.hasField("authorization") {
      guard form["client_secret"] == nil, request.hasOne("authorization") else { throw .ambiguous }
      guard let value = request.field("authorization"), let (id, secret) = ClientCredentials.basic(value) else {
        throw .missing
      }
      if let named = form.text("client_id"), !named.isSameBytes(as: id) { throw .ambiguous }
      (self.id, self.secret) = (id, secret)
    } else {
      guard let id = form.text("client_id"), let secret = form["client_secret"] else { throw .missing }
      (self.id, self.secret) = (id, secret)
    }
  }

  /// Both halves are encoded as a form's values are.
  private static func basic(_ value: [UInt8]) -> (id: String, secret: [UInt8])? {
    guard value.count > 6, String(decoding: value[..<6], as: UTF8.self).lowercased() == "basic " else { return nil }
    var text = value[6...].map { byte -> UInt8 in
      switch byte {
      case UInt8(ascii: "+"): UInt8(ascii: "-")
      case UInt8(ascii: "/"): UInt8(ascii: "_")
      default: byte
      }
    }
    while text.last == UInt8(ascii: "=") { text.removeLast() }
    guard let decoded = Base64URL.decode(text.span), let colon = decoded.firstIndex(of: UInt8(ascii: ":")),
      let idBytes = FormFields.decode(decoded[..<colon]), let secret = FormFields.decode(decoded[(colon + 1)...]),
      let id = String(validating: idBytes, as: UTF8.self)
    else { return nil }
    return (id, secret)
  }
}
