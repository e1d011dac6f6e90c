internal import Sockets
internal import Tokens

/// Keys that stand in a file. Read at the start and on reload.
enum KeyFile {
  private static let bytesMax = 512 * 1024

  static func keySet(_ path: String) throws(KeyFault) -> LoadedKeys {
    let contents = try read(path)
    guard contents.mode & 0o002 == 0 else { throw .keysAreOpen(path, mode: contents.mode) }
    let bytes = contents.bytes
    do throws(KeySetError) {
      return LoadedKeys(keySet: try KeySet.parse(jwks: bytes.span), text: bytes)
    } catch {
      throw .keySet(error)
    }
  }

  /// A shared secret: the file's bytes, without the line end that editors leave behind.
  static func secret(_ path: String) throws(KeyFault) -> LoadedKeys {
    let bytes = try secretBytes(path)
    do throws(UnusedKey) {
      return LoadedKeys(keySet: try KeySet.secret(bytes), text: bytes)
    } catch {
      throw .secret(error)
    }
  }

  static func secretBytes(_ path: String) throws(KeyFault) -> [UInt8] {
    let contents = try read(path)
    // The group may read it: that is how secrets are mounted for a service.
    guard contents.mode & 0o007 == 0 else { throw .secretIsOpen(path, mode: contents.mode) }
    var bytes = contents.bytes
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return bytes
  }

  /// Looks for a certificate in PEM; what else OpenSSL asks of it shows when it connects.
  static func checkCertificates(_ path: String) throws(KeyFault) {
    let text = String(decoding: try read(path).bytes, as: UTF8.self)
    guard text.contains("-----BEGIN CERTIFICATE-----") || text.contains("-----BEGIN TRUSTED CERTIFICATE-----") else {
      throw .noCertificate(path)
    }
  }

  static func read(_ path: String) throws(KeyFault) -> FileAccess.Contents {
    try KeyFault.ofFiles { () throws(SystemError) in try FileAccess.read(path, bytesMax: bytesMax) }
  }
}

/// Keys, and the text that they were read from: equal texts are equal keys.
struct LoadedKeys {
  let keySet: KeySet
  let text: [UInt8]
}
