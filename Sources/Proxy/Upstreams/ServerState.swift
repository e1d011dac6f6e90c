import Reason
import Sockets
import Synchronization

/// A server of an upstream as all loops know it together: what came of connecting to it, what its checks say, and how
/// many requests it has.
final class ServerState: Sendable {
  enum Target: Sendable {
    case address(SocketAddress)
    case builtin(BuiltinServer)
  }

  let target: Target
  let weight: Int
  /// What its certificate has to be for; nil: it speaks in clear.
  let securedHost: String?
  /// What `Host` says where it is asked whether it is well.
  let host: String
  /// Whether its address was found by a name, and may be another one by now.
  let isResolved: Bool

  /// What its health checks say.
  let isDown = Atomic<Bool>(false)
  let ejection = ServerEjection()
  /// What is said of ejections. Nobody looks at it while requests are answered.
  private let ejections = Mutex(FaultReport())

  // The count changes with every request where it is kept; the rest, which every loop reads, is on another line.
  private let padding: (Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0, 0, 0)
  private let inFlight = Atomic<Int>(0)

  init(
    _ target: Target, weight: Int = 1, securedHost: String? = nil, host: String = "localhost", isResolved: Bool = false
  ) {
    self.target = target
    self.weight = weight
    self.securedHost = securedHost
    self.host = host
    self.isResolved = isResolved
  }

  /// As logs say it.
  var name: String {
    switch target {
    case .address(let address): address.text
    case .builtin: "builtin"
    }
  }

  /// A request failed on it.
  ///
  /// - Returns: How often it was ejected since that was last said, where it is; nil: there is nothing to say.
  func failed(_ now: MonotonicTime) -> Int? {
    // In one: who ends the ejection on another loop finds it told.
    ejections.withLock { ejections in
      ejection.failed(now)
      return ejection.isEjected ? ejections.failed(at: now) : nil
    }
  }

  /// It began to answer a request.
  ///
  /// - Returns: Whether it is to be said that this ends an ejection.
  func answered() -> Bool { ejection.answered() && ejections.withLock { $0.succeeded() } }

  /// Requests that it has at the moment, where the balance needs to know.
  var requestsInFlight: Int { inFlight.load(ordering: .relaxed) }
  func requestBegan() { inFlight.add(1, ordering: .relaxed) }
  func requestEnded() { inFlight.subtract(1, ordering: .relaxed) }
}
