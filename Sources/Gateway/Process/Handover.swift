import Logging
import Proxy
import Sockets

/// Starts the program anew and has the new process take the listening sockets over (SIGUSR2). On the control loop.
///
/// Nothing of this process changes before the new one is ready; where it never is, it goes on as before.
final class Handover {
  private let log: Logger
  /// The new process, until it has failed.
  private var successor: DetachedProcess?
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
    let started: DetachedProcess
    do throws(SystemError) {
      started = try InheritedSockets.pass(sockets, lacking: lacking, to: arguments)
    } catch {
      log.error("not handed over: the new process could not be started", metadata: ["why": "\(error)"])
      return
    }
    successor = started
    missed = []
    log.notice(
      "handing over: a new process was started",
      metadata: ["pid": "\(started.pid)", "program": "\(arguments.first ?? "")"])
    BlockingWork.detach(name: "handover") {
      let why: String
      switch started.waitUntilReady(Handover.readyMax) {
      case .ready: return comingBack { $0.becameReady(started, ready) }
      case .late:
        started.kill()
        why = "it was not ready within \(Handover.readyMax.forPeople)"
      case .ended:
        // It has closed the pipe, and may have something to say yet.
        let hasEnded = started.end(after: Handover.endMax)
        why = hasEnded ? "it ended before it was ready" : "it could no longer report that it was ready, and was ended"
      }
      comingBack { $0.failed(started, why) }
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

  private func becameReady(_ started: DetachedProcess, _ ready: (Int32) -> Void) {
    // Else it was abandoned meanwhile.
    guard successor === started else { return }
    for number in missed { started.send(signal: number) }
    ready(started.pid)
  }

  private func failed(_ started: DetachedProcess, _ why: String) {
    guard successor === started else { return }
    successor = nil
    log.error("not handed over: this process goes on", metadata: ["pid": "\(started.pid)", "why": "\(why)"])
  }
}
