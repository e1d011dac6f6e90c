import CSystem
import Glibc

/// A program that this one has started, and which says over a pipe when it is ready.
///
/// It is no child of this process, but of the service manager or whoever else adopts orphans (PR_SET_CHILD_SUBREAPER):
/// that one sees its end, as it does of what it has started itself. Its exit status is not known here.
@safe
public final class DetachedProcess: Sendable {
  /// The process ID. It may be another process's once this one has ended.
  public let pid: Int32
  /// Stands for the process, also once its number is another's.
  private let handle: Int32
  private let readiness: Int32

  /// The first descriptor that it is given, as sd_listen_fds(3) has it.
  static let firstDescriptor: Int32 = 3

  /// Starts `arguments[0]`, which is looked for as execvp(3) does: by its path, or in PATH where it has no slash.
  ///
  /// It has the standard streams of this process, no signal blocked or ignored, and no descriptor but those that it is
  /// given: from 3 on the end of a pipe for `ReadySignal`, then `descriptors` in their order.
  ///
  /// - Parameter environment: By the number of the pipe, which tells it from all others.
  public init(
    _ arguments: [String], environment: (_ pipe: UInt64) -> [String: String], descriptors: [Int32]
  ) throws(SystemError) {
    guard let program = arguments.first else { throw SystemError(call: "posix_spawn", code: ENOENT) }
    var ends = InlineArray<2, Int32>(repeating: -1)
    var span = ends.mutableSpan
    // SAFETY: the call writes two descriptors into the two elements.
    let made = unsafe span.withUnsafeMutableBufferPointer { buffer in unsafe csystem_pipe(buffer.baseAddress) }
    guard made == 0 else { throw .last("pipe2") }
    let (reading, writing) = (ends[0], ends[1])
    let environment = environment(csystem_pipe_number(reading))
    var copies: [Int32] = []
    defer { for number in copies + [writing] { close(number) } }
    do throws(SystemError) {
      // Above the numbers that they get in the child: none is overwritten before its turn.
      let lowest = DetachedProcess.firstDescriptor + Int32(clamping: descriptors.count) + 1
      for descriptor in [writing] + descriptors {
        let copy = csystem_duplicate(descriptor, lowest)
        guard copy >= 0 else { throw .last("fcntl") }
        copies.append(copy)
      }
      (pid, handle) = try DetachedProcess.spawn(program, arguments, environment.map { "\($0.key)=\($0.value)" }, copies)
    } catch {
      close(reading)
      throw error
    }
    readiness = reading
  }

  deinit {
    close(readiness)
    close(handle)
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String], _ descriptors: [Int32]
  ) throws(SystemError) -> (pid: Int32, handle: Int32) {
    var (pid, handle): (Int32, Int32) = (-1, -1)
    let code = unsafe withTexts(arguments) { arguments in
      unsafe withTexts(environment) { environment in
        // SAFETY: both lists end with a null pointer and live as long as the call.
        unsafe descriptors.withUnsafeBufferPointer { descriptors in
          unsafe csystem_spawn_detached(
            program, arguments, environment, descriptors.baseAddress, Int32(descriptors.count),
            DetachedProcess.firstDescriptor, &pid, &handle)
        }
      }
    }
    guard code == 0 else { throw SystemError(call: "posix_spawn \(program)", code: code) }
    return (pid, handle)
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

  /// How the wait for a process ended: it is ready, it has ended first, or the time has passed.
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

  /// Ends it, where it has not ended by itself within `patience`. Blocks.
  ///
  /// - Returns: Whether it had.
  public func end(after patience: Duration) -> Bool {
    let deadline = MonotonicTime.current + patience
    while true {
      let left = (deadline - .current).wholeNanoseconds / 1_000_000
      if csystem_ends_within(handle, Int32(clamping: max(left, 0))) == 1 { return true }
      // Else a signal came before its time.
      if left <= 0 { break }
    }
    kill()
    return false
  }

  /// Ends it at once, where it has not ended.
  public func kill() { send(signal: SIGKILL) }

  /// Sends it a signal, where it has not ended.
  public func send(signal number: Int32) { csystem_signal_process(handle, number) }
}

/// The started process's end of the pipe.
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
