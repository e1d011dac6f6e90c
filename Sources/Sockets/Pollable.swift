import CSystem

/// What the kernel reported of a descriptor.
@frozen
public struct ReadyEvents: OptionSet, Sendable {
  /// The bits of epoll_ctl(2).
  public let rawValue: UInt32

  /// - Parameter rawValue: As epoll_wait(2) reports it.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is something to read or to accept (EPOLLIN).
  public static let readable = ReadyEvents(rawValue: UInt32(CSYSTEM_READABLE))
  /// There is room to write, or connecting has ended (EPOLLOUT).
  public static let writable = ReadyEvents(rawValue: UInt32(CSYSTEM_WRITABLE))
  /// The descriptor has failed (EPOLLERR).
  public static let error = ReadyEvents(rawValue: UInt32(CSYSTEM_ERROR))
  /// Both directions are shut.
  public static let hangup = ReadyEvents(rawValue: UInt32(CSYSTEM_HANGUP))
  /// The peer sends no more.
  public static let peerClosed = ReadyEvents(rawValue: UInt32(CSYSTEM_PEER_CLOSED))
}

/// What a registration asks the kernel for.
public enum Interest: Sendable {
  /// Every change once: read and write until EAGAIN.
  case edge
  /// As `edge`, for a descriptor that several loops watch: one of them is woken.
  case readableLevelExclusive
  /// As long as there is something to read.
  case readableLevel
  /// As long as there is room to write.
  case writableLevel
  /// Either of both.
  case bothLevel

  var mask: UInt32 {
    switch self {
    case .edge:
      UInt32(CSYSTEM_READABLE) | UInt32(CSYSTEM_WRITABLE) | UInt32(CSYSTEM_PEER_CLOSED) | csystem_edge_triggered
    case .readableLevelExclusive: UInt32(CSYSTEM_READABLE) | csystem_exclusive
    case .readableLevel: UInt32(CSYSTEM_READABLE)
    case .writableLevel: UInt32(CSYSTEM_WRITABLE)
    case .bothLevel: UInt32(CSYSTEM_READABLE) | UInt32(CSYSTEM_WRITABLE)
    }
  }
}

/// Something that a loop calls when its descriptor is ready or its deadline has passed.
///
/// Bound to one loop; every method is called there. A loop keeps what is registered alive until it is unregistered.
@safe
open class Pollable {
  /// The descriptor that is registered, -1 when none is.
  final var registeredDescriptor: Int32 = -1
  final var isRunnable = false
  final var isFirst = false

  // The links of the deadline list that this stands in. A list never outlives its loop, and an entry is taken out of
  // its list before it is freed (`deinit` checks), so the links never dangle.
  final var deadlineList: Unmanaged<DeadlineList>?
  final var deadlinePrevious: Unmanaged<Pollable>?
  final var deadlineNext: Unmanaged<Pollable>?
  final var deadlineAt = MonotonicTime(nanoseconds: 0)

  // Not inlined into other modules, as `EventLoop.now`; neither is what follows.
  /// Registered nowhere, and without a deadline.
  @_semantics("optimize.no.crossmodule")
  public init() {}

  deinit { precondition(!hasDeadline, "freed with a deadline armed") }

  /// The descriptor is ready.
  open func ready(_ events: ReadyEvents) {}

  /// `EventLoop.runLater` was called: goes on where it stopped.
  open func run() {}

  /// The deadline that was armed has passed; it is no longer armed.
  open func deadlineExpired() {}

  /// Its events are handled before those of others in the same batch.
  public final var comesFirst: Bool {
    @_semantics("optimize.no.crossmodule") get { isFirst }
    @_semantics("optimize.no.crossmodule") set { isFirst = newValue }
  }

  /// Whether a deadline is armed.
  public final var hasDeadline: Bool {
    @_semantics("optimize.no.crossmodule") @inline(never) get { unsafe deadlineList != nil }
  }

  /// Takes the deadline back, where one is armed.
  @_semantics("optimize.no.crossmodule")
  public final func disarmDeadline() {
    guard let list = unsafe deadlineList else { return }
    unsafe list._withUnsafeGuaranteedRef { $0.remove(self) }
  }
}
