import Configuration
import Sockets
import Tokens

/// The file of revoked tokens: how it was seen last, and what is in force of it.
///
/// It may be seen while it is written: `RevocationsInForce` says what counts.
struct RevocationFile: Sendable {
  let path: String
  private var decided = RevocationsInForce(Revocations())
  /// What is refused now.
  var inForce: Revocations { decided.revocations }
  /// Why the file cannot be used, so that what was read before is in force; nil: it can.
  var fault: Diagnostics? { faultSaid }

  private let providers: [String]
  /// Says a fault of the file as a whole.
  private let diagnostics: @Sendable (_ message: String, _ mayPass: Bool) -> Diagnostics
  private var seen: Sight?
  private var isSettled = false
  /// Since when it cannot be used.
  private var faultSince: MonotonicTime?
  /// Why the file cannot be used, where that was said.
  private var faultSaid: Diagnostics?

  /// What was found at one look.
  private struct Sight {
    /// nil where there was none to be had.
    var status: FileStatus?
    /// Of the bytes, where they were read.
    var hash: UInt64?
    let found: Result<Revocations, Diagnostics>
    /// When it was first seen so.
    let since: MonotonicTime
    /// When its bytes were first seen so.
    let bytesSince: MonotonicTime

    func isSame(as other: Sight) -> Bool {
      guard status == other.status, hash == other.hash else { return false }
      switch (found, other.found) {
      case (.success, .success): return true
      case (.failure(let fault), .failure(let otherFault)): return fault == otherFault
      default: return false
      }
    }
  }

  private init(_ configuration: GatewayConfiguration, _ revocations: RevocationsConfiguration) {
    path = revocations.file
    providers = configuration.providers.map(\.name)
    diagnostics = { RevocationList.diagnostics($0, of: configuration, mayPass: $1) }
  }

  /// Reads the file that `configuration` names.
  ///
  /// - Parameter inForce: What is refused on until the file has rested: it may be half-written where nobody has said that
  ///   it is complete. Empty: all that it lists is in force, and nothing else.
  /// - Returns: nil where it names none.
  static func open(
    _ configuration: GatewayConfiguration, keeping inForce: Revocations = Revocations()
  ) -> Result<RevocationFile?, Diagnostics> {
    guard let revocations = configuration.revocations else { return .success(nil) }
    var file = RevocationFile(configuration, revocations)
    let sight = file.look(.current)
    file.seen = sight
    switch sight.found {
    case .success(let list):
      file.decided = RevocationsInForce(inForce)
      file.decided.take(list, restedFor: .zero)
      return .success(file)
    case .failure(let fault):
      return .failure(fault)
    }
  }

  /// Whether it has rested for so long that what is gone from it is let in: seen by this process, or by its status, where
  /// that was not written to since long before.
  ///
  /// - Parameter clock: Nanoseconds since 1970.
  func hasRested(now: MonotonicTime, clock: Int64) -> Bool {
    guard let seen, case .success(let list) = seen.found else { return false }
    let rest = RevocationsInForce.rest(of: list)
    if now - seen.bytesSince >= rest { return true }
    return seen.status?.unchangedFor(now: clock).map { $0 >= rest } ?? false
  }

  /// Waits until the file has not been written to for a second, and no longer than two: what is half-written at the start
  /// has nothing that it could be compared with. Blocks.
  static func awaitRest(path: String) {
    let deadline = MonotonicTime.current + .seconds(2)
    while MonotonicTime.current < deadline, let status = try? FileStatus(path: path) {
      if let unchanged = status.unchangedFor(now: WallClock.nanoseconds), unchanged >= .seconds(1) { return }
      BlockingWork.sleep(.milliseconds(50))
    }
  }

  /// Looks at the file, and takes what it says.
  mutating func check(now: MonotonicTime) -> [RevocationEvent] {
    let sight = look(now)
    let isSame = seen.map { sight.isSame(as: $0) } ?? false
    if isSame, isSettled { return [] }
    seen = sight
    switch sight.found {
    case .success(let list):
      faultSince = nil
      isSettled = isSame && now - sight.bytesSince >= RevocationsInForce.rest(of: list)
      var events: [RevocationEvent] = []
      if isSame, faultSaid != nil {
        events.append(.recovered(path))
        faultSaid = nil
      }
      // Before it has rested, the same list says nothing else.
      if isSame, !isSettled { return events }
      let before = inForce
      decided.take(list, restedFor: now - sight.bytesSince)
      if let change = RevocationEvent.change(of: path, from: before, to: inForce) { events.append(change) }
      return events
    case .failure(let fault):
      let since = faultSince ?? now
      faultSince = since
      isSettled = isSame
      // One that is written to without a rest is said too.
      let isLasting = faultSaid == nil && now - since >= RevocationFile.faultLasts
      guard isSame || isLasting, fault != faultSaid else { return [] }
      faultSaid = fault
      return [.failed(fault)]
    }
  }

  private static let faultLasts: Duration = .seconds(5)
}

extension RevocationFile {
  /// Times may be counted in whole seconds, and a change within one goes unseen: for so long bytes are compared.
  private static let comparedFor: Duration = .seconds(2)
  private static let hashing = SeededHash()

  private func look(_ now: MonotonicTime) -> Sight {
    do throws(SystemError) {
      let status = try FileStatus(path: path)
      if let seen, seen.status == status, now - seen.since > RevocationFile.comparedFor { return seen }
      if let fault = fault(of: status) { return failed(fault, status, now) }
      return try read(now)
    } catch {
      return failed("\(error)", nil, now, mayPass: error.mayPass)
    }
  }

  private func failed(
    _ fault: String, _ status: FileStatus?, _ now: MonotonicTime, mayPass: Bool = false
  ) -> Sight {
    Sight(status: status, hash: nil, found: .failure(diagnostics(fault, mayPass)), since: now, bytesSince: now)
  }

  private func read(_ now: MonotonicTime) throws(SystemError) -> Sight {
    let (bytes, status) = try FileAccess.readWithStatus(path, bytesMax: RevocationList.bytesMax)
    let hash = RevocationFile.hashing.hash(bytes.span)
    if let fault = fault(of: status) { return failed(fault, status, now) }
    if let seen, seen.hash == hash, seen.status?.bytes == status.bytes {
      let since = seen.status == status ? seen.since : now
      return Sight(status: status, hash: hash, found: seen.found, since: since, bytesSince: seen.bytesSince)
    }
    let found = RevocationList.parse(bytes, file: path, providers: providers)
    return Sight(status: status, hash: hash, found: found, since: now, bytesSince: now)
  }

  /// Who can write it can let revoked tokens in again.
  private func fault(of status: FileStatus) -> String? {
    if !status.isRegular { return "\(path) is not a regular file" }
    if !status.isOwnedByUs {
      return "\(path) belongs to someone who could readmit revoked tokens: it \(status.owner.distrust)"
    }
    if status.mode & 0o002 != 0 {
      return "\(path) has mode \(String(status.mode, radix: 8)); nobody but owner and group may write it: "
        + "run chmod o-w \(path)"
    }
    return status.bytes > RevocationList.bytesMax ? "\(path) is larger than 16 MiB" : nil
  }
}
