import CSystem
import Glibc

/// What this process is given and may use.
public enum Process {
  /// The environment's variables.
  public static var environment: [String: String] {
    var result: [String: String] = [:]
    var index = 0
    // SAFETY: the list ends with a null pointer, each entry is NUL-terminated, and nobody in this process changes them.
    while let entry = unsafe csystem_environment_entry(Int32(index)) {
      let text = unsafe String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        result[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      index += 1
    }
    return result
  }

  /// Raises the limit of open descriptors as far as the system lets us.
  ///
  /// - Returns: The limit in force; 0 where it cannot be read.
  public static func raiseDescriptorLimit() -> UInt64 { csystem_raise_descriptor_limit() }

  /// No core file, and no other process of the user may read the memory: it holds tokens and keys (SECURITY L-3).
  public static func forbidCoreDumps() -> Bool { csystem_forbid_core_dumps() == 0 }

  /// Lets the heap grow by a mebibyte at a time: what the loops keep of tokens grows it often.
  public static func growHeapInSteps() { csystem_grow_heap_in_steps(1 << 20) }

  /// A signal does nothing any more: that a peer is gone is an error of the call (SIGPIPE).
  public static func ignore(signal number: Int32) { _ = Glibc.signal(number, SIG_IGN) }

  /// A signal does what it does by default, whatever it did in the process that has started this one.
  public static func restore(signal number: Int32) { _ = Glibc.signal(number, SIG_DFL) }

  /// Ends the process at once.
  public static func exit(_ status: Int32) -> Never { Glibc.exit(status) }

  /// Whether all other processes of its container end with it.
  public static var isFirst: Bool { getpid() == 1 }

  /// The processors that this process may run on, at least 1.
  public static var processorCount: Int { max(Int(csystem_processor_count()), 1) }
}

/// Text on the standard streams, without a buffer.
public enum StandardStream: Int32, Sendable {
  case output = 1
  case error = 2

  /// Opens `/dev/null` in place of streams that this process was started without: the next socket would get their
  /// descriptor, and what is logged would be sent to its peer.
  public static func openMissing() { _ = missing }

  /// Whether this process was started without it.
  public var wasMissing: Bool { StandardStream.missing & (1 << rawValue) != 0 }

  private static let missing = csystem_open_missing_streams()

  /// Whether a terminal reads it.
  public var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Writes all of `text`, where the reader takes it.
  public func write(_ text: String) { _ = fault(writing: [UInt8](text.utf8)) }

  /// Writes all of `bytes`.
  public func write(_ bytes: [UInt8]) throws(SystemError) {
    if let fault = fault(writing: bytes) { throw fault }
  }

  private func fault(writing bytes: [UInt8]) -> SystemError? {
    // SAFETY: the range written lies inside the array, which the call borrows.
    unsafe bytes.withUnsafeBytes { raw in
      var offset = 0
      while offset < raw.count, let base = raw.baseAddress {
        let count = unsafe Glibc.write(rawValue, base + offset, raw.count - offset)
        if count > 0 {
          offset += count
        } else if count < 0, errno == EINTR {
          continue
        } else if count < 0, errno == EAGAIN {
          // Whoever shares a pipe or a terminal has made it nonblocking: its reader is waited for all the same.
          var waiting = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
          // SAFETY: the call reads and writes this one entry.
          _ = unsafe poll(&waiting, 1, -1)
        } else {
          return .last(self == .output ? "write to standard output" : "write to standard error")
        }
      }
      return nil
    }
  }
}
