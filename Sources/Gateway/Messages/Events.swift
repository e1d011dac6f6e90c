import Configuration
import Introspection
import Keys
import Logging
import Proxy
import Sockets
import Telemetry
import Tokens

/// What modules report, as program messages.
extension KeyEvent {
  func write(to log: Logger) {
    switch self {
    case .updated(let provider, let keys, let change):
      var metadata: Logger.Metadata = ["provider": "\(provider)", "keys": "\(keys)"]
      metadata["added"] = change.added.map { "\($0)" }
      metadata["removed"] = change.removed.map { "\($0)" }
      log.notice("keys updated", metadata: metadata)
    case .keyUnused(let provider, let problem):
      log.warning("a key of the set is not used", metadata: ["provider": "\(provider)", "why": "\(problem)"])
    case .moreKeysUnused(let provider, let count):
      log.warning("more keys of the set are not used", metadata: ["provider": "\(provider)", "keys": "\(count)"])
    case .fetchFailed(let failure): failure.write(to: log)
    case .fetchedAgain(let provider, let failures, let duration):
      log.notice(
        "keys fetched again after \(failures) failure\(failures == 1 ? "" : "s") in \(duration.forPeople)",
        metadata: ["provider": "\(provider)"])
    case .clocksDiffer(let provider, let ahead?):
      log.warning(
        "the clock is \(abs(ahead)) s \(ahead > 0 ? "behind" : "ahead of") the issuer's; tokens may be refused for it",
        metadata: ["provider": "\(provider)"])
    case .clocksDiffer(let provider, nil):
      log.notice("the clock agrees with the issuer's again", metadata: ["provider": "\(provider)"])
    case .expired(let provider):
      log.error(
        "keys are older than refresh.stale_for and no longer used; routes answer 503 until keys arrive",
        metadata: ["provider": "\(provider)"])
    case .copyUsed(let provider, let path, let keys, let age):
      log.notice(
        "the keys of the copy on disk are used until keys are fetched",
        metadata: ["provider": "\(provider)", "file": "\(path)", "keys": "\(keys)", "keys_age": "\(age.forPeople)"])
    case .copyRefused(let provider, let path, let fault):
      log.warning(
        "the copy of keys on disk is not used",
        metadata: ["provider": "\(provider)", "file": "\(path)", "why": "\(fault)"])
    case .copyNotWritten(let provider, let path, let error):
      log.warning(
        "no copy of the keys could be written; a start while the issuer is down would be without keys",
        metadata: ["provider": "\(provider)", "file": "\(path)", "why": "\(error)"])
    case .generated(let provider, let path):
      log.notice("a signing key was made", metadata: ["provider": "\(provider)", "file": "\(path)"])
    case .generatedAhead(let provider, let path, let time):
      log.notice(
        "the next signing key was made",
        metadata: ["provider": "\(provider)", "file": "\(path)", "signs_from": "\(TimeText.text(time))"])
    case .signsWithAnother(let provider, let keyID):
      log.notice("another key signs from now on", metadata: ["provider": "\(provider)", "key_id": "\(keyID)"])
    case .deleted(let provider, let path):
      log.notice("a signing key was deleted", metadata: ["provider": "\(provider)", "file": "\(path)"])
    case .folderUnusable(let provider, let fault):
      log.error(
        "the signing keys cannot be looked after; those in use stay",
        metadata: ["provider": "\(provider)", "why": "\(fault)"])
    }
  }
}

extension KeyFetchFailure {
  fileprivate func write(to log: Logger) {
    var metadata: Logger.Metadata = [
      "provider": "\(provider)", "url": "\(url)", "why": "\(fault)", "failures": "\(failures)",
    ]
    var effect = "its routes answer 503 until keys arrive"
    if let keysInUse {
      effect = "the keys fetched before stay in use"
      metadata["keys_age"] = "\(keysInUse.age.forPeople)"
      metadata["used_until"] = "\(Timestamp.text(WallClock.nanoseconds + keysInUse.remaining.wholeNanoseconds))"
    }
    log.warning("keys could not be fetched; \(effect)", metadata: metadata)
  }
}

extension IntrospectionEvent {
  func write(to log: Logger) {
    switch self {
    case .failed(let provider, let fault, let url, let times):
      log.warning(
        "a token could not be introspected; requests with tokens that are not remembered answer 503 while this goes on",
        metadata: ["provider": "\(provider)", "url": "\(url)", "why": "\(fault)"].with(times: times))
    case .recovered(let provider):
      log.notice("tokens are introspected again", metadata: ["provider": "\(provider)"])
    }
  }
}

extension ProxyEvent {
  func write(to log: Logger) {
    switch self {
    case .acceptingPaused(let error, let times):
      log.error(
        "accepting pauses: no descriptors or memory left", metadata: ["error": "\(error)"].with(times: times))
    case .connectionLimitReached(let most, let times):
      log.warning(
        "accepting pauses: limits.connections are open", metadata: ["connections": "\(most)"].with(times: times))
    case .addressLimitReached(let most, let closed, let last):
      log.warning(
        "connections were closed: their address has limits.connections_per_address open",
        metadata: ["connections": "\(most)", "closed": "\(closed)", "last_of": "\(last)"])
    case .acceptingResumed:
      log.notice("accepting goes on")
    case .enforcementStopped(let trier, let refused, let requests):
      let (what, key, name) =
        switch trier {
        case .route(let name): ("a route", "route", name)
        case .provider(let name): ("a provider", "provider", name)
        }
      log.error(
        "what \(what) tries is enforced for nobody any more: it refused more than its budget",
        metadata: [key: "\(name)", "refused": "\(refused)", "requests": "\(requests)"])
    case .proofMemoryFull(let refused):
      log.error(
        "DPoP proofs are refused with 503: as many are remembered as there is room for",
        metadata: ["refused": "\(refused)"])
    case .upstream(let name, let event): event.write(to: log, upstream: name)
    case .handshakesFailed(let reason, let count):
      log.info("TLS handshakes failed", metadata: ["why": "\(reason)", "handshakes": "\(count)"])
    }
  }
}

extension Logger.Metadata {
  /// With how often it has begun since it was last said, where that is more than once.
  func with(times: Int) -> Logger.Metadata {
    times > 1 ? merging(["times": "\(times)"]) { first, _ in first } : self
  }
}

extension LogWriter.Event {
  func write(to log: Logger) {
    switch self {
    case .dropped(let count):
      log.warning("access lines were lost: the log could not be written in time", metadata: ["lines": "\(count)"])
    case .failed(let error):
      log.error("the access log cannot be written", metadata: ["error": "\(error)"])
    case .reopened:
      log.info("access log reopened")
    case .reopenFailed(let error):
      log.error("the access log could not be reopened; the old file stays in use", metadata: ["error": "\(error)"])
    case .recovered:
      log.notice("the access log can be written again")
    }
  }
}

extension AccessLog {
  /// The access log that `configuration` describes.
  convenience init(
    _ configuration: LogConfiguration, report: @escaping @Sendable (LogWriter.Event) -> Void
  ) throws(AccessLogError) {
    var isTerminal = false
    let target: Target
    switch configuration.access {
    case .stdout:
      target = .stdout
      isTerminal = StandardStream.output.isTerminal
    case .stderr:
      target = .stderr
      isTerminal = StandardStream.error.isTerminal
    case .off: target = .off
    case .file(let path): target = .file(path)
    }
    let format: Format =
      switch configuration.format {
      case .json: .json
      case .logfmt: .logfmt
      case .combined: .combined
      case .automatic: isTerminal ? .logfmt : .json
      }
    try self.init(target, format: format, report: report)
  }
}
