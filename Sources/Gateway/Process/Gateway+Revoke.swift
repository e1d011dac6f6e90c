import Admin
import Configuration
import Logging
import Proxy
import SignIn
import Sockets
import State
import Tokens

extension Gateway {
  /// Ends sign-ins, as `portcullis sign-ins revoke` does.
  ///
  /// - Parameter completion: Called once, from anywhere: when every loop refuses their tokens, where any were ended.
  func revoke(
    _ order: RevocationOrder, by client: String, _ completion: @escaping @Sendable (RevocationOutcome) -> Void
  ) {
    guard let provider = active.configuration.providers.first(where: { $0.name == order.provider }) else {
      let names = active.configuration.providers.map(\.name).joined(separator: ", ")
      return completion(.refused("there is no provider \"\(order.provider)\"; there are: \(names)"))
    }
    let answer: @Sendable (Result<[String], StoreFault>) -> Void = { [log] result in
      switch result {
      case .success(let ids):
        if case .token = order.name {
          order.write(to: log, ids, by: client)
          return completion(.revoked)
        }
        if !ids.isEmpty { order.write(to: log, ids, by: client) }
        completion(.ended(ids))
      case .failure(let fault): completion(.failed(fault.description))
      }
    }
    if case .token(_, let expiresAt) = order.name {
      let now = WallClock.seconds
      guard expiresAt > now - provider.policy.leewaySeconds else {
        return completion(.nothing("it is already refused by its exp"))
      }
      guard expiresAt < now + Gateway.revokedSecondsMax else {
        return completion(.refused("exp is more than ten years ahead: it is in seconds since 1970"))
      }
    }
    if signIns.end(order, provider.policy, answer) || codeFlows.end(order, provider.policy, answer) { return }
    completion(.refused(Gateway.remedy(for: order, active.configuration)))
  }

  private static let revokedSecondsMax: Int64 = 10 * 366 * 86_400

  /// What to do where nothing here would keep it over a restart.
  private static func remedy(for order: RevocationOrder, _ configuration: GatewayConfiguration) -> String {
    let entry: String
    switch order.name {
    case .token: entry = "jti"
    case .signIn: entry = "sid"
    case .subject: entry = "sub"
    }
    let file = configuration.revocations.map(\.file) ?? "a file that revocations.file names, which is not configured,"
    return """
      the provider "\(order.provider)" has neither sign_in nor code_flow, so nothing here stores revocations: write \
      "\(entry) VALUE" into \(file) under [\(order.provider)]
      """
  }
}

extension RevocationOrder {
  fileprivate func write(to log: Logger, _ ids: [String], by client: String) {
    var metadata: Logger.Metadata = ["provider": "\(provider)", "client": "\(client)"]
    switch name {
    case .subject(let subject): metadata["subject"] = "\(subject)"
    case .signIn(let id): metadata["sign_in"] = "\(id)"
    case .token(_, let expiresAt):
      metadata["expires"] = "\(TimeText.text(expiresAt))"
      return log.notice("a token was revoked at the admin listener", metadata: metadata)
    }
    metadata["sign_ins"] = "\(ids.count)"
    log.notice("sign-ins were ended at the admin listener", metadata: metadata)
  }
}

extension SignIns {
  /// Ends sign-ins of a provider, or a token.
  ///
  /// - Parameter completion: Called once, from anywhere, with the ids of those that went on until now: when every loop
  ///   refuses their tokens.
  /// - Returns: False where nobody signs in there, and nothing is called.
  func end(
    _ order: RevocationOrder, _ policy: TokenPolicy,
    _ completion: @escaping @Sendable (Result<[String], StoreFault>) -> Void
  ) -> Bool {
    guard let store = states[order.provider]?.state.store else { return false }
    let now = WallClock.seconds
    let until = now + (tokenSecondsMax[order.provider] ?? 0) + EndedSignIn.clockSlackSeconds
    order.end(
      signIn: { store.end(id: $0, provider: order.provider, now: now, completion: $1) },
      all: { store.endAll(subject: $0, provider: order.provider, now: now, completion: $1) },
      token: { store.revoke(token: $0, provider: order.provider, until: $1, now: now, completion: $2) }, policy,
      telling: ended.relay, until: until, completion)
    return true
  }
}

extension CodeFlows {
  /// As `SignIns.end`, of sessions.
  func end(
    _ order: RevocationOrder, _ policy: TokenPolicy,
    _ completion: @escaping @Sendable (Result<[String], StoreFault>) -> Void
  ) -> Bool {
    guard let store = stores[order.provider]?.store else { return false }
    let now = WallClock.seconds
    order.end(
      signIn: { store.end(id: $0, provider: order.provider, now: now, completion: $1) },
      all: { store.endAll(subject: $0, provider: order.provider, now: now, completion: $1) },
      token: { store.revoke(token: $0, provider: order.provider, until: $1, now: now, completion: $2) }, policy,
      telling: ended.relay, until: now + EndedSignIn.sessionKnownSeconds, completion)
    return true
  }
}

extension RevocationOrder {
  fileprivate typealias Completion<Value: Sendable> = @Sendable (Result<Value, StoreFault>) -> Void

  /// Ends one, all or a token, and tells the loops.
  fileprivate func end(
    signIn: (String, @escaping Completion<Bool>) -> Void, all: (String, @escaping Completion<[String]>) -> Void,
    token: (String, _ until: Int64, @escaping Completion<Void>) -> Void, _ policy: TokenPolicy,
    telling relay: EndedSignInsRelay, until: Int64, _ completion: @escaping Completion<[String]>
  ) {
    let tell: Completion<[String]> = { [provider] result in
      guard case .success(let ids) = result, !ids.isEmpty else { return completion(result) }
      relay.add(ids.map { EndedSignIn(id: $0, provider: provider, until: until) }) { completion(result) }
    }
    switch name {
    case .signIn(let id): signIn(id) { ended in tell(ended.map { $0 ? [id] : [] }) }
    case .subject(let subject): all(subject, tell)
    case .token(let id, let expiresAt):
      let until = expiresAt + policy.leewaySeconds + EndedSignIn.clockSlackSeconds
      token(id, until) { [provider] result in
        guard case .success = result else { return completion(result.map { [] }) }
        relay.add([EndedSignIn(.token, id: id, provider: provider, until: until)]) { completion(.success([])) }
      }
    }
  }
}
