import CSystem
import Dispatch
import Glibc
import Synchronization

/// Threads for work that takes much of a processor and is in no hurry: the scheduler prefers the loops to them, and they
/// let a loop that waits go first after each short slice of time.
///
/// Not Dispatch's, whose threads would keep what was set for one piece of work. They end with this object, each after
/// the work that it does; what waits then is dropped.
public final class BackgroundThreads: Sendable {
  private struct Waiting {
    var work: [@Sendable () -> Void] = []
    var isOver = false
  }

  private final class Shared: Sendable {
    let isWork = DispatchSemaphore(value: 0)
    let waiting = Mutex(Waiting())

    func run() {
      while let work = next() {
        csystem_background_begin()
        work()
        csystem_background_end()
      }
    }

    /// Waits for work; nil: it is over.
    private func next() -> (@Sendable () -> Void)? {
      isWork.wait()
      return waiting.withLock { $0.isOver || $0.work.isEmpty ? nil : $0.work.removeFirst() }
    }
  }

  /// Above 0: a loop that always has something to do gets three times the processor (sched(7)).
  private static let niceness: Int32 = 5

  private let shared = Shared()
  private let count: Int

  /// - Parameters:
  ///   - name: For debuggers: at most 15 bytes are shown.
  ///   - count: At least 1.
  public init(name: String, count: Int) {
    self.count = count
    for _ in 0..<count { BackgroundThreads.start(name, shared) }
  }

  deinit {
    shared.waiting.withLock { $0 = Waiting(isOver: true) }
    for _ in 0..<count { shared.isWork.signal() }
  }

  /// Runs `work` on one of the threads, in the order in which it was given; from anywhere.
  public func async(_ work: @escaping @Sendable () -> Void) {
    shared.waiting.withLock { $0.work.append(work) }
    shared.isWork.signal()
  }

  private static func start(_ name: String, _ shared: Shared) {
    let start = Start(name: name, shared: shared)
    let context = unsafe Unmanaged.passRetained(start).toOpaque()
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread, nil,
      { context in
        guard let context = unsafe context else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
        start.run()
        return nil
      }, context)
    if result == 0 {
      pthread_detach(thread)
    } else {
      // No thread of its own: one of the pool is better than none.
      unsafe Unmanaged<Start>.fromOpaque(context).release()
      DispatchQueue(label: name).async { shared.run() }
    }
  }

  private final class Start: Sendable {
    let name: String
    let shared: Shared

    init(name: String, shared: Shared) {
      self.name = name
      self.shared = shared
    }

    func run() {
      unsafe csystem_background_thread(name, BackgroundThreads.niceness)
      shared.run()
    }
  }
}
