import Admin
import Configuration
import Logging
import Proxy
import SignIn
import Sockets
import State

extension Gateway {
  /// Ends sign-ins, as `portcullis sign-ins revoke` does.
  ///
  /// - Parameter completion: Called once, from anywhere: when every loop refuses their tokens, where any were ended.
  func revoke(
    _ order: RevocationOrder, by client: String, _ completion: @escaping @Sendable (RevocationOutcome) -> Void
  ) {
    if let refusal = refusal(of: order) { return completion(.refused(refusal)) }
    let answer: @Sendable (Result<[String], StoreFault>) -> Void = { [log] result in
      switch result {
      case .success(let ids):
        if !ids.isEmpty { order.write(to: log, ids, by: client) }
        completion(.ended(ids))
      case .failure(let fault): completion(.failed(fault.description))
      }
    }
    if signIns.end(order, answer) || codeFlows.end(order, answer) { return }
    completion(.refused("nobody signs in here with the provider \"\(order.provider)\""))
  }

  /// Why it cannot be ended so that it stays ended after a restart, and what to do.
  private func refusal(of order: RevocationOrder) -> String? {
    let configuration = active.configuration
    guard let provider = configuration.providers.first(where: { $0.name == order.provider }) else {
      return "there is no provider \"\(order.provider)\"; there are: "
        + configuration.providers.map(\.name).joined(separator: ", ")
    }
    let entry: String
    switch order.name {
    case .token: entry = "jti"
    case .signIn: entry = "sid"
    case .subject: entry = "sub"
    }
    let keepsSignIns = provider.signIn != nil || provider.codeFlow != nil
    if keepsSignIns, entry != "jti" { return nil }
    let why =
      keepsSignIns
      ? "what is kept of sign-ins holds no single tokens: revoke by sid or sub, or"
      : "the provider \"\(provider.name)\" has neither sign_in nor code_flow, so nothing here keeps what is revoked:"
    let file = configuration.revocations.map(\.file) ?? "a file that revocations.file names, which is not configured,"
    return "\(why) write \"\(entry) VALUE\" into \(file) under [\(provider.name)]"
  }
}

extension RevocationOrder {
  fileprivate func write(to log: Logger, _ ids: [String], by client: String) {
    var metadata: Logger.Metadata = ["provider": "\(provider)", "sign_ins": "\(ids.count)", "client": "\(client)"]
    switch name {
    case .subject(let subject): metadata["subject"] = "\(subject)"
    case .signIn(let id): metadata["sign_in"] = "\(id)"
    case .token: break
    }
    log.notice("sign-ins were ended at the admin listener", metadata: metadata)
  }
}

extension SignIns {
  /// Ends sign-ins of a provider.
  ///
  /// - Parameter completion: Called once, from anywhere, with the ids of those that went on until now: when every loop
  ///   refuses their tokens.
  /// - Returns: False where nobody signs in there, and nothing is called.
  func end(
    _ order: RevocationOrder, _ completion: @escaping @Sendable (Result<[String], StoreFault>) -> Void
  ) -> Bool {
    guard let store = states[order.provider]?.state.store else { return false }
    let now = WallClock.nanoseconds / 1_000_000_000
    let until = now + (tokenSecondsMax[order.provider] ?? 0) + EndedSignIn.clockSlackSeconds
    order.end(
      signIn: { store.end(id: $0, provider: order.provider, now: now, completion: $1) },
      all: { store.endAll(subject: $0, provider: order.provider, now: now, completion: $1) },
      telling: ended.relay, until: until, completion)
    return true
  }
}

extension CodeFlows {
  /// As `SignIns.end`, of sessions.
  func end(
    _ order: RevocationOrder, _ completion: @escaping @Sendable (Result<[String], StoreFault>) -> Void
  ) -> Bool {
    guard let store = stores[order.provider]?.store else { return false }
    let now = WallClock.nanoseconds / 1_000_000_000
    order.end(
      signIn: { store.end(id: $0, provider: order.provider, now: now, completion: $1) },
      all: { store.endAll(subject: $0, provider: order.provider, now: now, completion: $1) },
      telling: ended.relay, until: now + CodeFlows.endedKnownSeconds, completion)
    return true
  }
}

extension RevocationOrder {
  fileprivate typealias Completion<Value: Sendable> = @Sendable (Result<Value, StoreFault>) -> Void

  /// Ends one or all, and tells the loops.
  fileprivate func end(
    signIn: (String, @escaping Completion<Bool>) -> Void, all: (String, @escaping Completion<[String]>) -> Void,
    telling relay: EndedSignInsRelay, until: Int64, _ completion: @escaping Completion<[String]>
  ) {
    let tell: Completion<[String]> = { [provider] result in
      guard case .success(let ids) = result, !ids.isEmpty else { return completion(result) }
      relay.add(ids.map { EndedSignIn(id: $0, provider: provider, until: until) }) { completion(result) }
    }
    switch name {
    case .signIn(let id): signIn(id) { ended in tell(ended.map { $0 ? [id] : [] }) }
    case .subject(let subject): all(subject, tell)
    case .token: completion(.success([]))
    }
  }
}
