import Logging
import Proxy
import Sockets

/// Starts the program anew and has the new process take the listening sockets over (SIGUSR2). On the control loop.
///
/// Nothing of this process changes before the new one is ready; where it never is, it goes on as before.
final class Handover {
  private let log: Logger
  /// The new process, until it has ended.
  private var successor: ChildProcess?
  /// Signals that came since it was started, and which it may have been too early for.
  private var missed: [Int32] = []
  /// How long it has to be ready: names are resolved and keys fetched meanwhile.
  private static let readyMax: Duration = .seconds(30)
  /// How long it has to end, once it will not be ready.
  private static let endMax: Duration = .seconds(5)

  init(log: Logger) { self.log = log }

  /// - Parameters:
  ///   - sockets: All of them: those that are not passed would lose what waits in them.
  ///   - lacking: What this process lacks, and the new one may do without.
  ///   - comingBack: Has something done on the control loop.
  ///   - ready: Called on it when the new process serves.
  func begin(
    _ sockets: [ListeningSocket], lacking: [String],
    comingBack: @escaping @Sendable (@escaping @Sendable (Handover) -> Void) -> Void,
    ready: @escaping @Sendable (_ pid: Int32) -> Void
  ) {
    guard successor == nil else {
      log.notice("not handed over: a new process is being started already")
      return
    }
    let arguments = CommandLine.arguments
    let child: ChildProcess
    do throws(SystemError) {
      child = try InheritedSockets.pass(sockets, lacking: lacking, to: arguments)
    } catch {
      log.error("not handed over: the new process could not be started", metadata: ["why": "\(error)"])
      return
    }
    successor = child
    missed = []
    log.notice(
      "handing over: a new process was started",
      metadata: ["pid": "\(child.pid)", "program": "\(arguments.first ?? "")"])
    BlockingWork.detach(name: "handover") {
      let readiness = child.waitUntilReady(Handover.readyMax)
      var patience: Duration?
      switch readiness {
      case .ready: comingBack { $0.becameReady(child, ready) }
      case .late: patience = .zero
      // It has closed the pipe, and may have something to say yet.
      case .ended: patience = Handover.endMax
      }
      let ending = child.waitForEnd(patience)
      comingBack { $0.ended(child, readiness, ending) }
    }
  }

  /// The gateway ends before the new process was ready: that ends too.
  func abandon() {
    successor?.kill()
    successor = nil
  }

  /// This process has done what `signal` asks for. One that is being started has read the configuration and opened the
  /// log maybe before, and gets it as well once it handles signals.
  func note(signal number: Int32) {
    if successor != nil, !missed.contains(number) { missed.append(number) }
  }

  private func becameReady(_ child: ChildProcess, _ ready: (Int32) -> Void) {
    // Else it was abandoned meanwhile.
    guard successor === child else { return }
    for number in missed { child.send(signal: number) }
    ready(child.pid)
  }

  private func ended(_ child: ChildProcess, _ readiness: ChildProcess.Readiness, _ ending: ChildProcess.Ending) {
    guard successor === child else { return }
    successor = nil
    if readiness == .ready {
      // Stopped, or replaced in its turn; anything else is a failure of the service.
      return log.log(
        level: ending.isSuccess ? .notice : .error, "the new process has ended",
        metadata: ["pid": "\(child.pid)", "why": "\(ending), after it had taken over"])
    }
    let why = readiness == .late ? "it was not ready within \(Handover.readyMax.forPeople)" : "\(ending)"
    log.error("not handed over: this process goes on", metadata: ["pid": "\(child.pid)", "why": "\(why)"])
  }
}
