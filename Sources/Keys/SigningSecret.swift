internal import Crypto
internal import Sockets
public import Tokens

/// The file of a secret that signs, and that those who verify share. Read at the start and on reload.
public enum SigningSecret {
  /// The one that signs, and then the former ones, whose tokens are still good.
  ///
  /// - Throws: Where any of them is not good.
  static func load(
    _ file: String, former: [String], _ algorithm: SignatureAlgorithm
  ) throws(KeyFault) -> [SigningFolder.Entry] {
    var entries = [try load(file, algorithm)]
    for path in former { entries.append(try load(path, algorithm)) }
    return entries
  }

  /// - Throws: Where everyone could read it, it is too short for the algorithm, or it is key material (SECURITY T-2).
  public static func load(
    _ path: String, _ algorithm: SignatureAlgorithm
  ) throws(KeyFault) -> SigningFolder.Entry {
    let bytes = try KeyFile.secretBytes(path)
    do throws(UnusedKey) {
      _ = try KeySet.secret(bytes)
    } catch {
      throw .secret(error)
    }
    do throws(SigningKeyError) {
      let key = try IssuerKey(try SigningKey(secret: bytes), algorithm: algorithm)
      return SigningFolder.Entry(key: key, file: path, createdAt: WallClock.seconds)
    } catch {
      throw .secretTooShort(bytes: bytes.count, algorithm)
    }
  }
}
