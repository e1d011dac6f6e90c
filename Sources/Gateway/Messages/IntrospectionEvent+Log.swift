import Introspection
import Logging

extension IntrospectionEvent {
  func write(to log: Logger) {
    switch self {
    case .failed(let provider, let fault, let url, let times):
      log.warning(
        "a token could not be introspected; requests with tokens that are not cached are answered 503 meanwhile",
        metadata: ["provider": "\(provider)", "url": "\(url)", "why": "\(fault)"].with(times: times))
    case .recovered(let provider):
      log.notice("tokens can be introspected again", metadata: ["provider": "\(provider)"])
    }
  }
}
