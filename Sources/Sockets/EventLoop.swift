import CSystem
public import Dispatch
import Synchronization

/// An event loop: a serial queue and an epoll set, whose descriptor is watched by one DispatchSource.
///
/// Everything registered is called on the queue. A source per connection would cost twice the CPU per request, and
/// libdispatch crashes when sources are created and cancelled fast.
///
/// It is Sendable because `async`, `start` and `stop` may be called from anywhere; everything else traps on another
/// queue.
@safe
public final class EventLoop: @unchecked Sendable {
  /// The queue that everything on the loop runs on. To run something there, call `async`, which refreshes the clock.
  public let queue: DispatchQueue
  private let set: EventSet
  private let timer: Descriptor
  private var source: (any DispatchSourceRead)?
  private let events: UnsafeMutablePointer<csystem_event>
  private static let eventsMax = 256

  // Not inlined into other modules: where they were, every access would be checked for exclusivity.
  /// The time when this batch of events began.
  public var now: MonotonicTime { @_semantics("optimize.no.crossmodule") get { batchTime } }
  /// The wall clock when this batch of events began, in nanoseconds since 1970.
  public var wallClockNanoseconds: Int64 { @_semantics("optimize.no.crossmodule") get { batchWallClockNanoseconds } }
  // Behind the above, so that the compiler knows all that writes to them.
  private var batchTime: MonotonicTime
  private var batchWallClockNanoseconds: Int64

  /// When the batch began, or what is runnable was last run in it.
  private var ranAt = MonotonicTime(nanoseconds: 0)
  private var runnable: [Pollable] = []
  private var running: [Pollable] = []
  private var unregistered: [Unmanaged<Pollable>] = unsafe []
  private(set) var deadlineLists: [DeadlineList] = []
  /// With so many, those that nobody needs any more are forgotten before there is another one.
  private var deadlineListsMax = EventLoop.deadlineListsMin
  static let deadlineListsMin = 64
  private var timers: [LoopTimer] = []
  private var wakesAt: MonotonicTime?

  /// Tasks that `async` brought, and that wait for their turn: they come before the next batch.
  private let tasksWaiting = Atomic<Int>(0)
  /// Batches handled before the queue gets its turn, where others than `async` use it.
  private static let batchesMax = 64
  /// How long the loop waits in epoll before it goes back to Dispatch, in milliseconds: a return costs several system
  /// calls, and under load the next event is microseconds away.
  private static let lingerMilliseconds: Int32 = 1

  /// - Throws: where the kernel gives no epoll set or timer.
  public init(label: String) throws(SystemError) {
    queue = DispatchQueue(label: label)
    set = try EventSet()
    timer = try Descriptor(csystem_timer_create(), call: "timerfd_create")
    // SAFETY: owned alone until deinit; epoll_wait is given the true count.
    unsafe events = UnsafeMutablePointer<csystem_event>.allocate(capacity: EventLoop.eventsMax)
    batchTime = .current
    batchWallClockNanoseconds = WallClock.nanoseconds
    guard csystem_epoll_add(set.number, timer.number, UInt32(CSYSTEM_READABLE), nil) == 0 else {
      throw .last("epoll_ctl")
    }
  }

  deinit {
    source?.cancel()
    unsafe events.deallocate()
  }

  /// The epoll set.
  private final class EventSet: Sendable {
    private let descriptor: Descriptor
    var number: Int32 { descriptor.number }

    init() throws(SystemError) { descriptor = try Descriptor(csystem_epoll_create(), call: "epoll_create1") }
  }

  /// Begins to watch. Once.
  public func start() {
    let source = DispatchSource.makeReadSource(fileDescriptor: set.number, queue: queue)
    source.setEventHandler { [weak self] in self?.drain() }
    // Dispatch knows what it watches by its number. Were that closed before Dispatch has let go of it, another loop's set
    // might get the number and never be watched.
    source.setCancelHandler { [set] in withExtendedLifetime(set) {} }
    self.source = source
    source.activate()
  }

  /// Ends watching; what is registered stays so, and is freed with the process.
  public func stop() {
    source?.cancel()
    source = nil
  }

  /// Runs `task` on the loop; from anywhere.
  public func async(_ task: @escaping @Sendable () -> Void) {
    tasksWaiting.add(1, ordering: .relaxed)
    queue.async { [self] in
      tasksWaiting.subtract(1, ordering: .relaxed)
      refreshClock()
      task()
      runRunnable()
      releaseUnregistered()
      drainLater()
    }
  }

  /// Traps when it is called elsewhere than on the loop.
  public func assertIsCurrent() { dispatchPrecondition(condition: .onQueue(queue)) }

  // MARK: Descriptors

  /// Watches `descriptor` for `pollable`, and keeps `pollable` alive until it is unregistered.
  public func register(_ pollable: Pollable, descriptor: Int32, interest: Interest) throws(SystemError) {
    precondition(pollable.registeredDescriptor < 0, "registered twice")
    // SAFETY: the set holds an unretained pointer; the retain below keeps it valid until `releaseUnregistered`, which
    // runs after the batch that may still name it.
    let context = unsafe Unmanaged.passRetained(pollable)
    guard unsafe csystem_epoll_add(set.number, descriptor, interest.mask, context.toOpaque()) == 0 else {
      let error = SystemError.last("epoll_ctl")
      unsafe context.release()
      throw error
    }
    pollable.registeredDescriptor = descriptor
  }

  /// Changes what is watched.
  public func modify(_ pollable: Pollable, interest: Interest) throws(SystemError) {
    precondition(pollable.registeredDescriptor >= 0, "not registered")
    let context = unsafe Unmanaged.passUnretained(pollable).toOpaque()
    guard unsafe csystem_epoll_modify(set.number, pollable.registeredDescriptor, interest.mask, context) == 0 else {
      throw .last("epoll_ctl")
    }
  }

  /// Ends the watch and takes a deadline back. It is not called again, even where this batch names it.
  public func unregister(_ pollable: Pollable) {
    pollable.disarmDeadline()
    guard pollable.registeredDescriptor >= 0 else { return }
    _ = csystem_epoll_remove(set.number, pollable.registeredDescriptor)
    pollable.registeredDescriptor = -1
    unsafe unregistered.append(Unmanaged.passUnretained(pollable))
  }

  /// Calls `run()` of `pollable` after what is being handled now.
  public func runLater(_ pollable: Pollable) {
    guard !pollable.isRunnable else { return }
    pollable.isRunnable = true
    runnable.append(pollable)
  }

  // MARK: Time

  /// The list of deadlines that lie `duration` ahead; the same one for the same duration.
  public func deadlines(after duration: Duration) -> DeadlineList {
    if let list = deadlineLists.first(where: { $0.duration == duration }) { return list }
    if deadlineLists.count >= deadlineListsMax { forgetUnusedDeadlineLists() }
    let list = DeadlineList(duration, loop: self)
    deadlineLists.append(list)
    return list
  }

  /// Forgets the lists in which nothing stands and which nobody holds, as reloads may bring other durations for ever.
  private func forgetUnusedDeadlineLists() {
    for index in deadlineLists.indices.reversed() where deadlineLists[index].isEmpty {
      if isKnownUniquelyReferenced(&deadlineLists[index]) { deadlineLists.remove(at: index) }
    }
    deadlineListsMax = max(EventLoop.deadlineListsMin, deadlineLists.count * 2)
  }

  /// Calls `handler` once, `duration` from now.
  @discardableResult
  public func schedule(after duration: Duration, _ handler: @escaping () -> Void) -> LoopTimer {
    let timer = LoopTimer(at: .current + duration, handler: handler)
    timers.removeAll { $0.isCancelled }
    let index = timers.firstIndex { $0.at > timer.at } ?? timers.endIndex
    timers.insert(timer, at: index)
    wake(at: timer.at)
    return timer
  }

  /// Sees to it that the loop looks at its deadlines at `time`.
  func wake(at time: MonotonicTime) {
    if let wakesAt, wakesAt <= time { return }
    wakesAt = time
    // 0 would disarm the timer.
    _ = csystem_timer_set(timer.number, max(time.nanoseconds, 1))
  }

  private func expireDeadlines() {
    guard let wakesAt, wakesAt <= now else { return }
    self.wakesAt = nil
    _ = csystem_timer_set(timer.number, 0)
    // A handler may arm another deadline, of a new duration too. A list that is passed over as others are forgotten has its
    // turn at once: the loop is woken for it below.
    var index = 0
    while index < deadlineLists.count {
      let list = deadlineLists[index]
      list.expire(now: now)
      index += 1
    }
    while let first = timers.first, first.isCancelled || first.at <= now {
      timers.removeFirst()
      first.fire()
    }
    for list in deadlineLists {
      if let earliest = list.earliest { wake(at: earliest) }
    }
    if let first = timers.first { wake(at: first.at) }
  }

  // MARK: The batch

  private func drain() {
    for _ in 0..<EventLoop.batchesMax {
      let timeout = runnable.isEmpty ? EventLoop.lingerMilliseconds : 0
      let count = unsafe epoll_wait(set.number, events, Int32(EventLoop.eventsMax), timeout)
      refreshClock()
      ranAt = now
      if count > 0 {
        unsafe dispatchFirst(count)
        for index in 0..<count {
          unsafe dispatch(index)
          runOverdue()
        }
      } else if runnable.isEmpty {
        expireDeadlines()
        runRunnable()
        releaseUnregistered()
        break
      }
      expireDeadlines()
      runRunnable()
      releaseUnregistered()
      if tasksWaiting.load(ordering: .relaxed) > 0 { break }
    }
    drainLater()
  }

  /// What is runnable makes no descriptor ready, so nothing else would bring the loop back to it.
  private func drainLater() {
    if !runnable.isEmpty { queue.async { [self] in drain() } }
  }

  /// Handles the events of those that come first, and takes them out of the batch.
  @unsafe
  private func dispatchFirst(_ count: Int32) {
    for index in 0..<count {
      guard let context = unsafe csystem_event_context(events, index) else { continue }
      // SAFETY: as in `dispatch`.
      let isFirst = unsafe Unmanaged<Pollable>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.isFirst }
      guard isFirst else { continue }
      unsafe dispatch(index)
      unsafe csystem_event_forget(events, index)
    }
  }

  @unsafe
  private func dispatch(_ index: Int32) {
    // The loop's own timer has no context; it is looked at after every batch.
    guard let context = unsafe csystem_event_context(events, index) else { return }
    let mask = unsafe csystem_event_mask(events, index)
    // SAFETY: the context was retained by `register` and is released only after this batch.
    unsafe Unmanaged<Pollable>.fromOpaque(context)._withUnsafeGuaranteedRef { pollable in
      if pollable.registeredDescriptor >= 0 { pollable.ready(ReadyEvents(rawValue: mask)) }
    }
  }

  /// Within a batch of slow handlers, what is runnable waits no longer than this.
  private static let runnableMax: Duration = .microseconds(500)

  private func runOverdue() {
    guard !runnable.isEmpty, MonotonicTime.current - ranAt > EventLoop.runnableMax else { return }
    runRunnable()
    ranAt = .current
  }

  private func runRunnable() {
    guard !runnable.isEmpty else { return }
    swap(&runnable, &running)
    for pollable in running {
      pollable.isRunnable = false
      if pollable.registeredDescriptor >= 0 { pollable.run() }
    }
    running.removeAll(keepingCapacity: true)
  }

  private func releaseUnregistered() {
    guard unsafe !unregistered.isEmpty else { return }
    // A deinit may unregister another one.
    let released = unsafe unregistered
    unsafe unregistered = []
    for index in unsafe released.indices { unsafe released[index].release() }
  }

  private func refreshClock() {
    batchTime = .current
    batchWallClockNanoseconds = WallClock.nanoseconds
  }
}
