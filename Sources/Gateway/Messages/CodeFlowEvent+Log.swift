import Logging
import SignIn

extension CodeFlowEvent {
  func write(to log: Logger, provider: String) {
    func line(_ fields: Logger.Metadata) -> Logger.Metadata {
      fields.merging(["provider": "\(provider)"]) { first, _ in first }
    }
    switch self {
    case .signedIn(let subject, let id, let address):
      log.notice("signed in", metadata: line(["subject": "\(subject)", "session": "\(id)", "client": "\(address)"]))
    case .signedOut(let subject, let id, let address):
      log.notice("signed out", metadata: line(["subject": "\(subject)", "session": "\(id)", "client": "\(address)"]))
    case .endedByProvider(let count):
      log.notice("the provider has ended sessions", metadata: line(["sessions": "\(count)"]))
    case .notRenewed(let id, let why):
      log.notice("a session has ended: it was not renewed", metadata: line(["session": "\(id)", "why": "\(why)"]))
    case .failed(let why, let count):
      log.warning("sign-in failed", metadata: line(["why": "\(why)", "failures": "\(count)"]))
    case .renewalFailed(let why, let count):
      log.warning("sessions could not be renewed", metadata: line(["why": "\(why)", "failures": "\(count)"]))
    case .callbackRefused(let fault, let count, let address):
      log.log(
        level: fault.mayBeAnAttack ? .warning : .info, "what a browser brought back from the provider was refused",
        metadata: line(["why": "\(fault)", "failures": "\(count)", "last_from": "\(address)"]))
    case .storeFailed(let why, let count):
      log.error("sessions could not be read or written", metadata: line(["why": "\(why)", "failures": "\(count)"]))
    }
  }
}
