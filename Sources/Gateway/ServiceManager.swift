import Sockets

/// Tells systemd how far the service is (sd_notify(3)); says nothing where nobody asked.
struct ServiceManager {
  private let address: String?

  init(environment: [String: String]) { address = environment["NOTIFY_SOCKET"] }

  func notify(_ state: State) {
    guard let address else { return }
    DatagramMessage.send(state.rawValue, toUnixSocket: address)
  }

  enum State: String {
    case ready = "READY=1"
    case reloading = "RELOADING=1"
    case stopping = "STOPPING=1"
  }
}
