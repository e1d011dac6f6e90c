import CSystem
import Glibc
import Synchronization

/// Listening sockets that this process was started with: by systemd, or whoever speaks its protocol (sd_listen_fds(3)),
/// or by an earlier process of the gateway, which hands over to this one.
public final class InheritedSockets: Sendable {
  fileprivate struct Contents {
    var sockets: [ListeningSocket] = []
    var predecessor: Predecessor?
  }

  private let contents: Mutex<Contents>

  private init(_ contents: Contents) { self.contents = Mutex(contents) }

  /// Gives them away: they close when whoever has them lets them go.
  public func release() -> (sockets: [ListeningSocket], predecessor: Predecessor?) {
    contents.withLock { contents in
      defer { contents = Contents() }
      return (contents.sockets, contents.predecessor)
    }
  }

  /// Takes what the environment speaks of, and takes it out of the environment: no child is to believe that it is
  /// meant. To be called before there is another thread.
  public static func take() throws(InheritanceError) -> InheritedSockets {
    let environment = Process.environment
    for name in [handover, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"] { unsafe unsetenv(name) }
    var contents = Contents()
    if let origins = environment[handover] {
      try contents.takeOver(origins)
    } else if let pid = environment["LISTEN_PID"], pid == "\(getpid())" {
      let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false) ?? []
      try contents.activate(environment["LISTEN_FDS"] ?? "", names.map(String.init))
    }
    return InheritedSockets(contents)
  }

  /// The number of the pipe that is passed; of each socket behind it, by one letter, whose it is; and what the earlier
  /// process lacks. With colons between.
  fileprivate static let handover = "PORTCULLIS_HANDOVER"

  /// Starts this program again, as it was started, with `sockets`.
  ///
  /// Whatever stands at its path by now is started; `arguments[0]` is that path.
  ///
  /// - Parameter lacking: What this process has not itself, so that the new one may do without; no comma in it.
  public static func pass(
    _ sockets: [ListeningSocket], lacking: [String], to arguments: [String]
  ) throws(SystemError) -> DetachedProcess {
    let letters = String(sockets.map(\.origin.rawValue))
    return try DetachedProcess(
      arguments,
      environment: { pipe in
        var environment = Process.environment
        environment[handover] = "\(pipe):\(letters):\(lacking.joined(separator: ","))"
        return environment
      }, descriptors: sockets.map(\.descriptor))
  }
}

extension InheritedSockets.Contents {
  fileprivate mutating func activate(_ number: String, _ names: [String]) throws(InheritanceError) {
    guard let count = Int32(number), count > 0, count < 65_536 else {
      throw InheritanceError(text: "LISTEN_FDS is \"\(number)\", not how many sockets are passed")
    }
    let first = DetachedProcess.firstDescriptor
    for index in 0..<count {
      let name = names.indices.contains(Int(index)) ? names[Int(index)] : ""
      try add(first + index, origin: .manager, name.isEmpty ? "LISTEN_FDS" : name)
    }
  }

  fileprivate mutating func takeOver(_ text: String) throws(InheritanceError) {
    let malformed = InheritanceError(text: "\(InheritedSockets.handover) is malformed")
    let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw malformed }
    var descriptor = DetachedProcess.firstDescriptor
    let pipe = csystem_pipe_number(descriptor)
    guard pipe != 0 else {
      throw InheritanceError(
        text: "\(InheritedSockets.handover) refers to descriptor \(descriptor), which is not a pipe")
    }
    // Else the descriptors are not what it says, but whatever somebody else has open.
    guard parts[0] == "\(pipe)", csystem_close_on_exec(descriptor) == 0 else {
      throw InheritanceError(
        text: "\(InheritedSockets.handover) is not from the process that has started this one: unset it")
    }
    predecessor = Predecessor(
      readiness: ReadySignal(descriptor), lacking: Set(parts[2].split(separator: ",").map(String.init)))
    for letter in parts[1] {
      descriptor += 1
      guard let origin = ListeningSocket.Origin(rawValue: letter) else { throw malformed }
      try add(descriptor, origin: origin, InheritedSockets.handover)
    }
  }

  private mutating func add(
    _ descriptor: Int32, origin: ListeningSocket.Origin, _ name: String
  ) throws(InheritanceError) {
    do throws(SystemError) {
      sockets.append(try ListeningSocket(inheriting: descriptor, origin: origin))
    } catch {
      throw InheritanceError(text: "descriptor \(descriptor) (\(name)) is not a listening stream socket: \(error)")
    }
  }
}

/// The process that hands over to this one.
public struct Predecessor: Sendable {
  /// What it waits for.
  public let readiness: ReadySignal
  /// What it was without when it started this one, in its words.
  public let lacking: Set<String>
}

/// Why sockets that were passed cannot be used.
public struct InheritanceError: Error, CustomStringConvertible {
  let text: String
  /// In words, for the operator: which descriptor or variable is wrong, and why.
  public var description: String { text }
}
