import Logging
import State

extension EndingNote {
  func write(to log: Logger, provider: String) {
    var metadata: Logger.Metadata = ["provider": "\(provider)", "sign_ins": "\(count)"]
    switch name {
    case .subject(let subject): metadata["subject"] = "\(subject)"
    case .signIn(let id): metadata["sign_in"] = "\(id)"
    case .several: break
    }
    log.notice("sign-ins were ended by the command sign-ins revoke", metadata: metadata)
  }
}
