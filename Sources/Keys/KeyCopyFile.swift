internal import Crypto
internal import HTTP
internal import Sockets
internal import Tokens

/// The file of one provider's copy: read at the start and where the keys get another place, written after fetches.
///
/// Bound to the control loop, which never waits for the disk: files are written on a queue of their own. It is Sendable
/// because that queue is given bytes and a path, and brings this back to the loop without looking into it.
final class KeyCopyFile: @unchecked Sendable {
  let path: String
  let provider: String
  let issuer: String
  let place: KeyPlace

  private let loop: EventLoop
  private let queue: SerialQueue
  private let log: (KeyEvent) -> Void
  /// What stands on the disk, as far as it is known.
  private var written: (text: [UInt8], fetchedAt: UnixSeconds)?
  private var isWriting = false
  /// What is to be written when the queue is done with the one before.
  private var next: KeyCopy?
  private var failedBefore = false

  /// A key set of 512 KiB, each byte of it escaped.
  private static let bytesMax = 4 << 20
  /// How far a clock that is set right may have gone back.
  private static let clockToleranceSeconds: UnixSeconds = 60

  init(
    _ path: String, of source: KeySource, at place: KeyPlace, loop: EventLoop, queue: SerialQueue,
    log: @escaping (KeyEvent) -> Void
  ) {
    self.path = path
    provider = source.provider
    issuer = source.issuer
    self.place = place
    self.loop = loop
    self.queue = queue
    self.log = log
  }

  /// The keys of the file; nil where there is none.
  ///
  /// - Throws: Where it is not to be used, which is no reason not to start.
  func read(staleFor: Duration) throws(KeyCopyFault) -> FetchedKeys? {
    let now = WallClock.seconds
    guard let copy = try copy() else { return nil }
    guard copy.issuer.isSameBytes(as: issuer) else { throw .otherIssuer(copy.issuer) }
    guard copy.location.isSameBytes(as: place.address) else { throw .otherLocation(ShownURL(copy.location)) }
    guard copy.certificateAuthorityFile == place.certificateAuthorityFile else { throw .otherAuthority }
    guard copy.fetchedAt >= 0, copy.fetchedAt <= now + KeyCopyFile.clockToleranceSeconds else { throw .fromTheFuture }
    guard copy.firstSeen.values.allSatisfy({ $0 >= 0 && $0 <= copy.fetchedAt }) else { throw .damaged }
    let age = Duration.seconds(max(now - copy.fetchedAt, 0))
    guard age < staleFor else { throw .tooOld(age: age) }
    let keySet: KeySet
    do throws(KeySetError) {
      keySet = try KeySet.parse(jwks: copy.text.span)
    } catch {
      throw .keySet(error)
    }
    written = (copy.text, copy.fetchedAt)
    return FetchedKeys(
      keySet, text: copy.text, address: copy.address, entityTag: copy.entityTag,
      fetchedAt: .current + (.zero - age), fetchedAtSeconds: copy.fetchedAt, origin: .copy(path),
      seen: copy.firstSeen)
  }

  private func copy() throws(KeyCopyFault) -> KeyCopy? {
    let contents: FileAccess.Contents
    do throws(SystemError) {
      contents = try FileAccess.read(path, bytesMax: KeyCopyFile.bytesMax)
    } catch {
      if error.isNotThere { return nil }
      throw .file(error)
    }
    guard contents.isOwnedByUs else { throw .foreign }
    guard contents.mode & 0o077 == 0 else { throw .open(mode: contents.mode) }
    return try KeyCopy(contents.bytes.span)
  }

  /// Has the file hold these keys. What it holds already is dated anew only where it would otherwise, before the next
  /// fetch, be half as old as a copy may get.
  func keep(_ keys: FetchedKeys, staleFor: Duration, nextFetchIn pause: Duration) {
    loop.assertIsCurrent()
    if let written, written.text == keys.text {
      let age = Duration.seconds(keys.fetchedAtSeconds - written.fetchedAt)
      // A date in the future, from before the clock was set right, is none.
      if age >= .zero, age + pause <= staleFor / 2 {
        writeIfGone(keys)
        return
      }
    }
    write(keys)
  }

  private func write(_ keys: FetchedKeys) {
    next = KeyCopy(
      issuer: issuer, location: place.address, address: keys.address,
      certificateAuthorityFile: place.certificateAuthorityFile, entityTag: keys.entityTag,
      fetchedAt: keys.fetchedAtSeconds,
      // From before the clock was set right.
      firstSeen: keys.firstSeen.mapValues { min($0, keys.fetchedAtSeconds) }, text: keys.text)
    written = (keys.text, keys.fetchedAtSeconds)
    writeNext()
  }

  /// Somebody may have removed the file.
  private func writeIfGone(_ keys: FetchedKeys) {
    guard !isWriting else { return }
    queue.async { [self, path, loop] in
      guard case .nothing = try? FileAccess.occupant(of: path, bytesMax: 0) else { return }
      loop.async { self.write(keys) }
    }
  }

  private func writeNext() {
    guard !isWriting, let copy = next else { return }
    next = nil
    isWriting = true
    queue.async { [self, path, loop] in
      let fault = KeyCopyFile.write(copy, to: path)
      loop.async { self.ended(fault) }
    }
  }

  private static func write(_ copy: KeyCopy, to path: String) -> KeyCopyWriteFault? {
    let bytes: [UInt8]
    do throws(CryptoError) {
      bytes = try copy.serialized()
    } catch {
      return .crypto(error)
    }
    do throws(SystemError) {
      try FileAccess.makePrivateFolder(FileAccess.folder(of: path))
      guard isReplaceable(try FileAccess.occupant(of: path, bytesMax: KeyCopy.beginningBytesMax)) else { return .taken }
      try FileAccess.replacePrivate(path, bytes)
      return nil
    } catch {
      return .file(error)
    }
  }

  /// A name in the configuration may be wrong: nobody's file is lost to it.
  private static func isReplaceable(_ occupant: FileAccess.Occupant) -> Bool {
    switch occupant {
    case .nothing: true
    case .file(let beginning): KeyCopy.isBeginning(beginning)
    case .other: false
    }
  }

  private func ended(_ fault: KeyCopyWriteFault?) {
    isWriting = false
    if let fault {
      // Tried again with the next fetch.
      written = nil
      if !failedBefore { log(.copyNotWritten(provider: provider, path: path, fault)) }
    }
    failedBefore = fault != nil
    writeNext()
  }
}
