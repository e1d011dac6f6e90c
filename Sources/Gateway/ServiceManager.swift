import Sockets

/// Tells systemd how far the service is (sd_notify(3)); says nothing where nobody asked.
struct ServiceManager {
  private let address: String?

  init(environment: [String: String]) { address = environment["NOTIFY_SOCKET"] }

  func notify(_ state: State) {
    guard let address else { return }
    DatagramMessage.send(state.text, toUnixSocket: address)
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
