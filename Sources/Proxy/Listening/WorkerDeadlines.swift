import Configuration
import Sockets

/// What a loop's client connections are given time for, as the configuration in force says. Each is in one list at most.
struct WorkerDeadlines {
  private(set) var handshake: DeadlineList
  private(set) var head: DeadlineList
  private(set) var idle: DeadlineList
  /// Looks at clients that are waited for within an exchange.
  private(set) var grace: DeadlineList
  private(set) var tunnel: DeadlineList
  let linger: DeadlineList
  /// For what is asked of the control loop: keys, introspection, a renewal.
  let wait: DeadlineList
  /// All that connections between two requests may stand in: also those of earlier configurations in which some do.
  private(set) var reading: [DeadlineList]

  init(_ timeouts: TimeoutsConfiguration, on loop: EventLoop) {
    handshake = loop.deadlines(after: timeouts.handshake)
    head = loop.deadlines(after: timeouts.head)
    idle = loop.deadlines(after: timeouts.idle)
    grace = loop.deadlines(after: timeouts.lookEvery)
    tunnel = loop.deadlines(after: timeouts.tunnel)
    linger = loop.deadlines(after: Limits.lingerMax)
    wait = loop.deadlines(after: Limits.waitMax)
    reading = [head, idle]
  }

  /// With other timeouts, for what is armed from now on.
  func updated(_ timeouts: TimeoutsConfiguration, on loop: EventLoop) -> WorkerDeadlines {
    var next = WorkerDeadlines(timeouts, on: loop)
    // What is empty stays so: nothing is armed by an earlier configuration.
    next.reading += reading.filter { list in !list.isEmpty && !next.reading.contains { $0 === list } }
    return next
  }
}
