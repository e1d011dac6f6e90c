import Configuration
import Crypto
import Sockets

/// The secret that seals cookies cannot be used.
public struct SealingFault: Error, Sendable, CustomStringConvertible {
  /// For operators: the file, and what is wrong with it.
  public let description: String
}

/// The secret that seals what browsers keep: 32 random bytes in a file, which all processes of a provider share. Made at
/// the first start.
enum SealingFile {
  static func path(of provider: String, _ configuration: CodeFlowConfiguration) -> String {
    "\(configuration.stateFolder.path)/\(provider).code-flow.secret"
  }

  /// Makes nothing: one that is not there yet is good. Blocks.
  static func check(_ path: String) throws(SealingFault) {
    for _ in 0..<triesMax {
      if try read(path) != nil { return }
      guard try isThere(path) else { return }
      BlockingWork.sleep(.milliseconds(10))
    }
    throw notWhole(path)
  }

  /// Blocks.
  static func open(_ path: String) throws(SealingFault) -> SealingSecret {
    for _ in 0..<triesMax {
      if let secret = try read(path) { return secret }
      // Another process may be faster, and its file half written.
      try create(path)
      BlockingWork.sleep(.milliseconds(10))
    }
    throw notWhole(path)
  }

  private static func notWhole(_ path: String) -> SealingFault {
    SealingFault(description: "\(path) does not hold 32 bytes: remove it, and a new one is made")
  }

  private static let triesMax = 50

  /// nil where it is not there, or not whole.
  private static func read(_ path: String) throws(SealingFault) -> SealingSecret? {
    guard try isThere(path) else { return nil }
    let contents: FileAccess.Contents
    do throws(SystemError) {
      contents = try FileAccess.read(path, bytesMax: 1024)
    } catch {
      throw SealingFault(description: "\(error)")
    }
    guard contents.isOwnedByUs else { throw SealingFault(description: "\(path) \(contents.owner.distrust)") }
    guard contents.mode & 0o077 == 0 else {
      let mode = String(contents.mode, radix: 8)
      throw SealingFault(
        description: "\(path) has mode \(mode); nobody but its owner may read it: run chmod go= \(path)")
    }
    return SealingSecret(contents.bytes)
  }

  private static func isThere(_ path: String) throws(SealingFault) -> Bool {
    do throws(SystemError) {
      return try FileAccess.occupant(of: path, bytesMax: 0) != .nothing
    } catch {
      throw SealingFault(description: "\(error)")
    }
  }

  private static func create(_ path: String) throws(SealingFault) {
    let bytes: [UInt8]
    do throws(CryptoError) {
      bytes = try RandomBytes.make(SealingSecret.bytesCount)
    } catch {
      throw SealingFault(description: "no random bytes")
    }
    do throws(SystemError) {
      try FileAccess.createPrivate(path, bytes)
    } catch {
      guard error.isNameTaken else { throw SealingFault(description: "\(error)") }
    }
  }
}
