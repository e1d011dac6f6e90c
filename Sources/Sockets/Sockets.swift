/// Module `Sockets`: the event loop, sockets, buffers and deadlines: the operating system made safe.
/// May import: CSystem, Dispatch, Synchronization.
/// Never does: know of HTTP, or let a pointer out.

import Glibc

/// A call into the operating system that failed.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The call, as its manual page is named.
  public let call: String
  /// `errno` after it.
  public let code: Int32

  /// - Parameter call: As its manual page is named, and what it was about: `open /run/a.sock`.
  public init(call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  /// Whether a name is taken already.
  public var isNameTaken: Bool { code == EEXIST }
  /// Whether this machine lacks something, which says nothing of whom it would talk to: descriptors or memory. A local
  /// address or port is none of that (EADDRNOTAVAIL): only those to this one peer may be used up, or IPv6 is off.
  public var isOfThisMachine: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }

  /// Whether it may be over the next time although nobody has mended anything: this machine lacked something, or a disk
  /// or the network failed. What is not there, or not permitted, stays so.
  public var mayPass: Bool {
    isOfThisMachine || [EAGAIN, EINTR, EIO, ESTALE, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH, ENOTCONN].contains(code)
  }

  /// `call` had no memory.
  public static func noMemory(_ call: String) -> SystemError { SystemError(call: call, code: ENOMEM) }
  /// Whether something was longer than it may be.
  public var isTooLong: Bool { code == EMSGSIZE }
  /// Whether there is nothing of that name.
  public var isNotThere: Bool { code == ENOENT }
  /// Whether this user may not.
  public var isNotPermitted: Bool { code == EACCES || code == EPERM }
  /// Whether nobody listens at an address.
  public var isRefused: Bool { code == ECONNREFUSED }
  /// Whether nobody reads any more.
  public var isBrokenPipe: Bool { code == EPIPE }

  /// The call, and the system's words for the code.
  public var description: String { "\(call): \(SystemError.text(code))" }
}
