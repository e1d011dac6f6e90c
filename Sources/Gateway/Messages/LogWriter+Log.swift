import Logging
import Telemetry

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
