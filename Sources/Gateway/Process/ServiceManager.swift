import Logging
import Sockets

/// Tells systemd how far the service is (sd_notify(3)); says nothing where nobody asked.
struct ServiceManager {
  private let address: String?
  private let log: Logger

  init(environment: [String: String], log: Logger) {
    address = environment["NOTIFY_SOCKET"]
    self.log = log
  }

  func notify(_ state: State) {
    guard let address else { return }
    do throws(SystemError) {
      try DatagramMessage.send(state.text, toUnixSocket: address)
    } catch {
      // It goes by what it heard last: it may take the end of the process for the end of the service.
      log.error(
        "systemd could not be told",
        metadata: ["what": "\(state.text.split(separator: "\n").joined(separator: " "))", "why": "\(error)"])
    }
  }

  enum State {
    case ready, reloading, stopping
    /// Another process is the service's main one from now on, and serves. Said by the one that was: what others say is
    /// not heard.
    case replaced(by: Int32)

    fileprivate var text: String {
      switch self {
      case .ready: "READY=1"
      case .reloading: "RELOADING=1"
      case .stopping: "STOPPING=1"
      case .replaced(let pid): "MAINPID=\(pid)\nREADY=1"
      }
    }
  }
}
