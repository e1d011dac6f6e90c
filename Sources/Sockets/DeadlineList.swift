/// The deadlines of one duration, on one loop.
///
/// All have the same distance, so appending keeps the list sorted: arming, moving and taking back cost O(1).
@safe
public final class DeadlineList {
  public let duration: Duration
  private let nanoseconds: Int64
  private unowned let loop: EventLoop
  // SAFETY of all links: see Pollable; entries leave the list before they are freed.
  private unowned(unsafe) var first: Pollable?
  private unowned(unsafe) var last: Pollable?

  init(_ duration: Duration, loop: EventLoop) {
    self.duration = duration
    nanoseconds = max(duration.wholeNanoseconds, 0)
    self.loop = loop
    unsafe first = nil
    unsafe last = nil
  }

  /// Arms `entry` to expire `duration` from now; an earlier deadline of it is taken back.
  public func arm(_ entry: Pollable) {
    entry.disarmDeadline()
    let (sum, overflow) = loop.now.nanoseconds.addingReportingOverflow(nanoseconds)
    entry.deadlineAt = MonotonicTime(nanoseconds: overflow ? .max : sum)
    unsafe entry.deadlineList = self
    unsafe entry.deadlinePrevious = last
    if let last = unsafe last { unsafe last.deadlineNext = entry } else { unsafe first = entry }
    unsafe last = entry
    loop.wake(at: entry.deadlineAt)
  }

  func remove(_ entry: Pollable) {
    let previous = unsafe entry.deadlinePrevious
    let next = unsafe entry.deadlineNext
    if let previous { unsafe previous.deadlineNext = next } else { unsafe first = next }
    if let next { unsafe next.deadlinePrevious = previous } else { unsafe last = previous }
    unsafe entry.deadlinePrevious = nil
    unsafe entry.deadlineNext = nil
    unsafe entry.deadlineList = nil
  }

  /// When the first one expires; nil where none is armed.
  var earliest: MonotonicTime? { unsafe first?.deadlineAt }

  /// Those that are armed, as they are at this moment.
  public var entries: [Pollable] {
    var result: [Pollable] = []
    var entry = unsafe first
    while let current = entry {
      result.append(current)
      entry = unsafe current.deadlineNext
    }
    return result
  }

  /// Calls those that have passed.
  func expire(now: MonotonicTime) {
    while let entry = unsafe first, entry.deadlineAt <= now {
      remove(entry)
      entry.deadlineExpired()
    }
  }
}
