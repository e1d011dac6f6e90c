import CSystem
import Glibc
import Synchronization

/// A program that this one has started, and which says over a pipe when it is ready.
@safe
public final class ChildProcess: Sendable {
  public let pid: Int32
  private let readiness: Int32
  private let isForgotten = Mutex(false)

  /// The first descriptor that a child is given, as sd_listen_fds(3) has it.
  static let firstDescriptor: Int32 = 3

  /// Starts `arguments[0]`, which is looked for as execvp(3) does: by its path, or in PATH where it has no slash.
  ///
  /// It has the standard streams of this process, no signal blocked or ignored, and no descriptor but those that it is
  /// given: from 3 on the end of a pipe for `ReadySignal`, then `descriptors` in their order.
  public init(
    _ arguments: [String], environment: [String: String], descriptors: [Int32]
  ) throws(SystemError) {
    guard let program = arguments.first else { throw SystemError(call: "posix_spawn", code: ENOENT) }
    var ends = InlineArray<2, Int32>(repeating: -1)
    var span = ends.mutableSpan
    // SAFETY: the call writes two descriptors into the two elements.
    let made = unsafe span.withUnsafeMutableBufferPointer { buffer in unsafe csystem_pipe(buffer.baseAddress) }
    guard made == 0 else { throw .last("pipe2") }
    let (reading, writing) = (ends[0], ends[1])
    var copies: [Int32] = []
    defer { for number in copies + [writing] { close(number) } }
    do throws(SystemError) {
      // Above the numbers that they get in the child: none is overwritten before its turn.
      let lowest = ChildProcess.firstDescriptor + Int32(clamping: descriptors.count) + 1
      for descriptor in [writing] + descriptors {
        let copy = csystem_duplicate(descriptor, lowest)
        guard copy >= 0 else { throw .last("fcntl") }
        copies.append(copy)
      }
      pid = try ChildProcess.spawn(program, arguments, environment.map { "\($0.key)=\($0.value)" }, copies)
    } catch {
      close(reading)
      throw error
    }
    readiness = reading
  }

  deinit { close(readiness) }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String], _ descriptors: [Int32]
  ) throws(SystemError) -> Int32 {
    var child: Int32 = -1
    let code = unsafe withTexts(arguments) { arguments in
      unsafe withTexts(environment) { environment in
        // SAFETY: both lists end with a null pointer and live as long as the call.
        unsafe descriptors.withUnsafeBufferPointer { descriptors in
          unsafe csystem_spawn(
            program, arguments, environment, descriptors.baseAddress, Int32(descriptors.count),
            ChildProcess.firstDescriptor, &child)
        }
      }
    }
    guard code == 0 else { throw SystemError(call: "posix_spawn \(program)", code: code) }
    return child
  }

  /// Calls `body` with C's list of `texts`.
  @unsafe
  private static func withTexts(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) -> Int32 {
    var list: [UnsafeMutablePointer<CChar>?] = unsafe []
    for text in texts { unsafe list.append(strdup(text)) }
    unsafe list.append(nil)
    defer { for index in unsafe list.indices { unsafe free(list[index]) } }
    return unsafe list.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return EINVAL }
      return unsafe body(base)
    }
  }

  // MARK: What becomes of it

  public enum Readiness: Sendable { case ready, ended, late }

  /// Waits until it says that it is ready, or ends before. Blocks.
  public func waitUntilReady(_ most: Duration) -> Readiness {
    let deadline = MonotonicTime.current + most
    while true {
      let left = max((deadline - .current).wholeNanoseconds, 0) / 1_000_000
      var byte: UInt8 = 0
      // SAFETY: at most one byte is written into `byte`.
      switch unsafe csystem_read_within(readiness, &byte, 1, Int32(clamping: left)) {
      case 1: return .ready
      case 0: return .ended
      default:
        if errno == EINTR { continue }
        return errno == ETIMEDOUT ? .late : .ended
      }
    }
  }

  public enum Ending: Sendable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)
    /// The system has forgotten it without being asked.
    case unknown

    public var isSuccess: Bool {
      if case .exited(0) = self { return true }
      return false
    }

    public var description: String {
      switch self {
      case .exited(let status): "it ended with status \(status)"
      case .killed(let signal): "it was ended by signal \(signal)"
      case .unknown: "it has ended"
      }
    }
  }

  /// Waits for its end, and lets the system forget it. Once. Blocks.
  ///
  /// - Parameter most: Then it is killed; nil: it may take its time.
  public func waitForEnd(_ most: Duration?) -> Ending {
    if let most {
      let deadline = MonotonicTime.current + most
      while csystem_has_ended(pid, 0) == 0, .current < deadline { usleep(10_000) }
      // Its number may be another's where the system knows no such child.
      if csystem_has_ended(pid, 0) == 0 { kill() }
    }
    _ = csystem_has_ended(pid, 1)
    return isForgotten.withLock { isForgotten in
      isForgotten = true
      var status: Int32 = 0
      // SAFETY: the system writes into `status` alone. It does not wait: the end has come, or nobody is there.
      guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return .unknown }
      // What the macros of wait(2) say.
      let signal = status & 0x7f
      return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    }
  }

  /// Ends it at once, where it has not ended.
  public func kill() { send(signal: SIGKILL) }

  /// Sends it a signal, where it has not ended.
  public func send(signal number: Int32) {
    // Once it is forgotten its number may be another's.
    isForgotten.withLock { if !$0 { _ = Glibc.kill(pid, number) } }
  }
}

/// The child's end of the pipe.
public final class ReadySignal: Sendable {
  private let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// Tells whoever started this process that it serves. That process may be gone: that is no error.
  public func say() {
    var byte: UInt8 = 1
    // SAFETY: one byte is read from `byte`.
    _ = unsafe write(descriptor, &byte, 1)
  }

  deinit { close(descriptor) }
}
