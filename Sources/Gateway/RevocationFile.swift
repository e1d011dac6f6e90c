import Configuration
import Sockets
import Tokens

/// The file of revoked tokens: how it was seen last, and what is in force of it.
///
/// It may be seen while it is written. So what is new in it counts at once, and what is gone from it is in force until
/// the file has been seen twice the same.
struct RevocationFile: Sendable {
  let path: String
  /// What is refused now.
  private(set) var inForce = Revocations()

  private let providers: [String]
  /// Says a fault of the file as a whole.
  private let diagnostics: @Sendable (String) -> Diagnostics
  private var seen: Sight?
  private var isSettled = false
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
    diagnostics = { RevocationList.diagnostics($0, of: configuration) }
  }

  /// Reads the file that `configuration` names.
  ///
  /// - Parameter earlier: What was watched before: of the same file, what is in force of it.
  /// - Returns: nil where it names none.
  static func open(
    _ configuration: GatewayConfiguration, after earlier: RevocationFile? = nil
  ) -> Result<RevocationFile?, Diagnostics> {
    guard let revocations = configuration.revocations else { return .success(nil) }
    var file = RevocationFile(configuration, revocations)
    if let earlier, earlier.path == file.path { file.inForce = earlier.inForce }
    let sight = file.look(.current)
    file.seen = sight
    switch sight.found {
    case .success(let revocations):
      file.inForce = file.joined(revocations)
      return .success(file)
    case .failure(let fault):
      return .failure(fault)
    }
  }

  /// Looks at the file, and takes what it says.
  mutating func check(now: MonotonicTime) -> [RevocationEvent] {
    let sight = look(now)
    let isSame = seen.map { sight.isSame(as: $0) } ?? false
    if isSame, isSettled { return [] }
    isSettled = isSame
    if !isSame { seen = sight }
    switch sight.found {
    case .success(let revocations):
      var events: [RevocationEvent] = []
      if isSame, faultSaid != nil {
        events.append(.recovered(path))
        faultSaid = nil
      }
      if let change = put(isSame ? revocations : joined(revocations)) { events.append(change) }
      return events
    case .failure(let fault):
      guard isSame, fault != faultSaid else { return [] }
      faultSaid = fault
      return [.failed(fault)]
    }
  }

  private mutating func put(_ revocations: Revocations) -> RevocationEvent? {
    let change = RevocationEvent.change(of: path, from: inForce, to: revocations)
    inForce = revocations
    return change
  }

  /// With what may only seem to be gone; not without end where the file never rests.
  private func joined(_ revocations: Revocations) -> Revocations {
    if inForce.countAdded(since: revocations) == 0 { return revocations }
    let both = inForce.union(revocations).fitted()
    return both.bytesHeld <= RevocationFile.joinedBytesMax ? both : revocations
  }

  /// Four of the largest files.
  private static let joinedBytesMax = 8 * RevocationList.bytesMax
}

extension RevocationFile {
  /// Times may be counted in whole seconds, and a change within one goes unseen: for so long bytes are compared.
  private static let comparedFor: Duration = .seconds(2)
  private static let hashing = SeededHash()

  private func look(_ now: MonotonicTime) -> Sight {
    do throws(SystemError) {
      let status = try FileStatus(path: path)
      if let seen, seen.status == status, now - seen.since > RevocationFile.comparedFor { return seen }
      if let fault = fault(of: status) {
        return Sight(status: status, hash: nil, found: .failure(diagnostics(fault)), since: now)
      }
      return try read(status, now)
    } catch {
      return Sight(status: nil, hash: nil, found: .failure(diagnostics("\(error)")), since: now)
    }
  }

  private func read(_ before: FileStatus, _ now: MonotonicTime) throws(SystemError) -> Sight {
    let (bytes, status) = try FileAccess.readWithStatus(path, bytesMax: RevocationList.bytesMax)
    let hash = RevocationFile.hashing.hash(bytes.span)
    if let fault = fault(of: status) {
      return Sight(status: status, hash: nil, found: .failure(diagnostics(fault)), since: now)
    }
    if let seen, seen.hash == hash, seen.status?.bytes == status.bytes {
      return Sight(status: status, hash: hash, found: seen.found, since: seen.status == status ? seen.since : now)
    }
    let found = RevocationList.parse(bytes, file: path, providers: providers)
    return Sight(status: status, hash: hash, found: found, since: now)
  }

  /// Who can write it can let revoked tokens in again.
  private func fault(of status: FileStatus) -> String? {
    if !status.isRegular { return "\(path) is no regular file" }
    if status.mode & 0o002 != 0 {
      return "\(path) has mode \(String(status.mode, radix: 8)); nobody but owner and group may write it: "
        + "run chmod o-w \(path)"
    }
    return status.bytes > RevocationList.bytesMax ? "\(path) is larger than 16 MiB" : nil
  }
}
