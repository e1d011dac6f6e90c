import Introspection
import Logging

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
