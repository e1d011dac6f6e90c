import Dispatch
import Glibc

/// A thread of its own, for work that blocks. A queue would do, but Dispatch's pool is as wide as the machine has cores.
public enum BlockingWork {
  /// Runs `body` on a new serial queue: it keeps the thread until it returns.
  public static func detach(name: String, _ body: @escaping @Sendable () -> Void) {
    DispatchQueue(label: name).async(execute: body)
  }

  /// Blocks the calling thread.
  public static func sleep(_ duration: Duration) {
    usleep(UInt32(clamping: duration.wholeNanoseconds / 1000))
  }
}
