import Keys
import Logging
import Sockets
import Telemetry
import Tokens

/// What is reported of keys, as program messages.
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
        "no copy of the keys could be written; a start while the issuer is down would have no keys",
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
        "the signing keys cannot be maintained; those in use stay",
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
