/// The deadlines of one duration, on one loop.
///
/// All have the same distance, so appending keeps the list sorted: arming, moving and taking back cost O(1).
@safe
public final class DeadlineList {
  /// From when an entry is armed until it expires.
  public let duration: Duration
  private let nanoseconds: Int64
  // SAFETY of `loop`: it owns its lists. Of all links: see Pollable; entries leave the list before they are freed. They
  // are followed without retaining, which every request would pay for several times.
  private let loop: Unmanaged<EventLoop>
  private var first: Unmanaged<Pollable>?
  private var last: Unmanaged<Pollable>?

  init(_ duration: Duration, loop: EventLoop) {
    self.duration = duration
    nanoseconds = max(duration.wholeNanoseconds, 0)
    unsafe self.loop = Unmanaged.passUnretained(loop)
    unsafe first = nil
    unsafe last = nil
  }

  /// Arms `entry` to expire `duration` from now; an earlier deadline of it is taken back.
  public func arm(_ entry: Pollable) {
    entry.disarmDeadline()
    unsafe loop._withUnsafeGuaranteedRef { loop in
      let (sum, overflow) = loop.now.nanoseconds.addingReportingOverflow(nanoseconds)
      entry.deadlineAt = MonotonicTime(nanoseconds: overflow ? .max : sum)
      loop.wake(at: entry.deadlineAt)
    }
    let link = unsafe Unmanaged.passUnretained(entry)
    unsafe entry.deadlineList = Unmanaged.passUnretained(self)
    unsafe entry.deadlinePrevious = last
    if let last = unsafe last {
      unsafe last._withUnsafeGuaranteedRef { unsafe $0.deadlineNext = link }
    } else {
      unsafe first = link
    }
    unsafe last = link
  }

  func remove(_ entry: Pollable) {
    let previous = unsafe entry.deadlinePrevious
    let next = unsafe entry.deadlineNext
    if let previous = unsafe previous {
      unsafe previous._withUnsafeGuaranteedRef { unsafe $0.deadlineNext = next }
    } else {
      unsafe first = next
    }
    if let next = unsafe next {
      unsafe next._withUnsafeGuaranteedRef { unsafe $0.deadlinePrevious = previous }
    } else {
      unsafe last = previous
    }
    unsafe entry.deadlinePrevious = nil
    unsafe entry.deadlineNext = nil
    unsafe entry.deadlineList = nil
  }

  /// When the first one expires; nil where none is armed.
  var earliest: MonotonicTime? { unsafe first?._withUnsafeGuaranteedRef { $0.deadlineAt } }

  // Not inlined, as `EventLoop.now`.
  /// Whether none is armed.
  public var isEmpty: Bool { @_semantics("optimize.no.crossmodule") get { unsafe first == nil } }

  /// Those that are armed, as they are at this moment.
  public var entries: [Pollable] {
    @_semantics("optimize.no.crossmodule") get {
      var result: [Pollable] = []
      var link = unsafe first
      while let current = unsafe link {
        let entry = unsafe current.takeUnretainedValue()
        result.append(entry)
        unsafe link = unsafe entry.deadlineNext
      }
      return result
    }
  }

  /// Calls those that have passed.
  func expire(now: MonotonicTime) {
    while let link = unsafe first {
      let entry = unsafe link.takeUnretainedValue()
      guard entry.deadlineAt <= now else { return }
      remove(entry)
      entry.deadlineExpired()
    }
  }
}
