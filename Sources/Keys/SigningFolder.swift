internal import Crypto
internal import Sockets
public import Tokens

/// The folder that holds a provider's private keys, one in each file (SECURITY K-8).
///
/// A file is called `PROVIDER.ALGORITHM.TIME.pem`, the time being from when the key signs, in seconds since 1970. The
/// newest of the configured algorithm whose time has come signs; tokens of all of them are good.
public struct SigningFolder: Sendable {
  /// The path of the folder, which need not be there yet.
  public let path: String
  /// The provider's name, with which the names of its files begin.
  public let provider: String
  /// Of new keys.
  public let algorithm: SignatureAlgorithm

  /// - Parameter algorithm: What new keys sign with.
  public init(path: String, provider: String, algorithm: SignatureAlgorithm) {
    self.path = path
    self.provider = provider
    self.algorithm = algorithm
  }

  /// A key and its file.
  public struct Entry: Sendable {
    /// The private key, and its name in tokens.
    public let key: IssuerKey
    /// The path of its file.
    public let file: String
    /// When it was made; of a key that was made ahead, when it begins to sign.
    public let createdAt: UnixSeconds
  }

  /// The provider's keys, the newest first; none where there is no folder.
  ///
  /// - Throws: Where someone else could read or replace a key, or a file holds none.
  public func load() throws(KeyFault) -> [Entry] {
    let found = try KeyFault.ofFiles { () throws(SystemError) in try FileAccess.folderMode(path) }
    guard let folder = found else { return [] }
    guard folder.isOwnedByUs else { throw .foreignFile(path, folder.owner) }
    guard folder.mode & 0o022 == 0 else { throw .folderIsOpen(path, mode: folder.mode) }
    let names = try KeyFault.ofFiles { () throws(SystemError) in try FileAccess.names(in: path) }
    var entries: [Entry] = []
    for name in names {
      guard let (algorithm, time) = parse(name) else { continue }
      entries.append(try entry(path + "/" + name, algorithm, time))
    }
    return entries.sorted { $0.createdAt > $1.createdAt }
  }

  /// Makes a key, and the folder where it is missing.
  ///
  /// - Parameter now: For the file's name; a second that has a key already is left for the next one.
  public func generate(now: UnixSeconds) throws(KeyFault) -> Entry {
    guard let kind = algorithm.keyKind else { throw .keyNotGenerated }
    let key: IssuerKey
    let pem: [UInt8]
    do throws(SigningKeyError) {
      key = try IssuerKey(try SigningKey.generate(kind), algorithm: algorithm)
      pem = try key.key.pem()
    } catch {
      throw .keyNotGenerated
    }
    return try KeyFault.ofFiles { () throws(SystemError) in
      try FileAccess.makePrivateFolder(path)
      let (file, createdAt) = try create(pem, now: now)
      return Entry(key: key, file: file, createdAt: createdAt)
    }
  }

  private func create(_ pem: [UInt8], now: UnixSeconds) throws(SystemError) -> (file: String, createdAt: UnixSeconds) {
    var time = now
    while true {
      let file = "\(path)/\(provider).\(algorithm.rawValue).\(time).pem"
      do throws(SystemError) {
        try FileAccess.createPrivate(file, pem)
        return (file, time)
      } catch {
        guard error.isNameTaken, time < now + SigningFolder.keysOfSecondMax else { throw error }
        time += 1
      }
    }
  }

  /// The keys, after one was made where none of the algorithm is there.
  func loadOrGenerate(now: UnixSeconds) throws(KeyFault) -> (entries: [Entry], generated: Entry?) {
    let entries = try load()
    if signs(with: entries) { return (entries, nil) }
    let made = try generate(now: now)
    return ([made] + entries, made)
  }

  /// The keys, where there are some.
  func loadExisting() throws(KeyFault) -> [Entry] {
    let entries = try load()
    guard !entries.isEmpty else { throw .noSigningKey(path) }
    return entries
  }

  /// The keys in another order: first the one that signs at `now`, then the newest.
  ///
  /// One that was made ahead waits for its time, as whoever verifies has to know it by then; where there is no other,
  /// it signs.
  public func inSigningOrder(_ entries: [Entry], now: UnixSeconds) -> [Entry] {
    let own = entries.indices.filter { entries[$0].key.algorithm == algorithm }
    let ripe = own.filter { entries[$0].createdAt <= now + SigningFolder.keysOfSecondMax }
    let signing =
      ripe.max { entries[$0].createdAt < entries[$1].createdAt }
      ?? own.min { entries[$0].createdAt < entries[$1].createdAt }
    guard let signing else { return entries.sorted { $0.createdAt > $1.createdAt } }
    let others = entries.indices.filter { $0 != signing }.map { entries[$0] }
    return [entries[signing]] + others.sorted { $0.createdAt > $1.createdAt }
  }

  /// Whether one of these is of the algorithm.
  func signs(with entries: [Entry]) -> Bool { entries.contains { $0.key.algorithm == algorithm } }

  private func entry(_ file: String, _ algorithm: SignatureAlgorithm, _ time: UnixSeconds) throws(KeyFault) -> Entry {
    let contents = try KeyFile.read(file)
    guard contents.isOwnedByUs else { throw .foreignFile(file, contents.owner) }
    guard contents.mode & 0o077 == 0 else { throw .fileIsOpen(file, mode: contents.mode) }
    do throws(SigningKeyError) {
      let key = try IssuerKey(try SigningKey(pem: contents.bytes), algorithm: algorithm)
      return Entry(key: key, file: file, createdAt: time)
    } catch {
      if case .modulusSize(let bits) = error { throw .signingKeySize(file, bits: bits) }
      throw .signingKeyUnusable(file)
    }
  }

  /// nil for a file of something else, or of another provider.
  private func parse(_ name: String) -> (SignatureAlgorithm, UnixSeconds)? {
    guard name.hasPrefix(provider + "."), name.hasSuffix(".pem") else { return nil }
    let parts = name.dropFirst(provider.utf8.count + 1).dropLast(4).split(separator: ".")
    guard parts.count == 2, let algorithm = SignatureAlgorithm(rawValue: String(parts[0])),
      let time = UnixSeconds(parts[1]), SigningFolder.times.contains(time)
    else { return nil }
    return (algorithm, time)
  }

  private static let keysOfSecondMax: UnixSeconds = 60
  /// 1970 to 9999: what a date can be written of.
  private static let times: Range<UnixSeconds> = 0..<253_402_300_800
}

extension KeyFault {
  /// Runs what touches files.
  static func ofFiles<Value>(_ body: () throws(SystemError) -> Value) throws(KeyFault) -> Value {
    do throws(SystemError) {
      return try body()
    } catch {
      throw .file(error)
    }
  }
}
