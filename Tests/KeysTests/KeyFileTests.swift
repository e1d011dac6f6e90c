import Crypto
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Keys

@Suite("Keys in files")
struct KeyFileTests {
  struct Secret: Sendable, CustomTestStringConvertible {
    let rule: String
    let bytes: String
    var mode: UInt32 = 0o600
    /// Bytes of the secret; nil: it is refused.
    let count: Int?
    /// What the refusal says.
    var fault = ""
    var testDescription: String { rule }
  }

  private static let good = String(repeating: "s", count: 32)

  static let secrets = [
    Secret(rule: "as it is", bytes: good, count: 32),
    Secret(rule: "a line end after it", bytes: good + "\n", count: 32),
    Secret(rule: "CRLF after it", bytes: good + "\r\n", count: 32),
    Secret(rule: "one line end goes", bytes: good + "\n\n", count: 33),
    Secret(rule: "the group may read it", bytes: good, mode: 0o640, count: 32),
    Secret(rule: "L-3 everyone may read it", bytes: good, mode: 0o644, count: nil, fault: "owner and group may use it"),
    Secret(rule: "L-3 everyone may write it", bytes: good, mode: 0o602, count: nil, fault: "mode 602"),
    Secret(rule: "T-2 31 bytes and a line end", bytes: String(good.dropLast()) + "\n", count: nil, fault: "31 bytes"),
    Secret(rule: "T-2 empty", bytes: "", count: nil, fault: "0 bytes"),
    Secret(
      rule: "T-2 PEM after text", bytes: "subject=CN = a\n-----BEGIN CERTIFICATE-----\n" + good, count: nil,
      fault: "key material"),
    Secret(rule: "T-2 OpenSSH, RSA", bytes: "ssh-rsa AAAA" + good, count: nil, fault: "key material"),
    Secret(rule: "T-2 OpenSSH, a curve", bytes: "ecdsa-sha2-nistp256 AAAA" + good, count: nil, fault: "key material"),
    Secret(
      rule: "T-2 OpenSSH, a token", bytes: "sk-ssh-ed25519@openssh.com AAAA" + good, count: nil, fault: "key material"),
    Secret(
      rule: "T-2 OpenSSH, a token's curve", bytes: "sk-ecdsa-sha2-nistp256@openssh.com AAAA" + good, count: nil,
      fault: "key material"),
    Secret(rule: "what an API calls its secrets", bytes: "sk-" + good, count: 35),
    Secret(rule: "T-2 a byte order mark", bytes: "\u{FEFF}" + good, count: nil, fault: "byte order mark"),
    Secret(rule: "T-2 PEM", bytes: "-----BEGIN PUBLIC KEY-----\n" + good, count: nil, fault: "key material"),
  ]

  @Test("T-2, L-3: files with shared secrets", arguments: secrets)
  func secret(row: Secret) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("secret", Array(row.bytes.utf8), mode: row.mode)
    do throws(KeyFault) {
      let loaded = try KeyFile.secret(file)
      #expect(loaded.text.count == row.count)
      #expect(loaded.keySet.isSecret)
    } catch {
      #expect(row.count == nil)
      #expect(error.description.contains(row.fault))
      #expect(!error.description.contains("sssss"))
    }
  }

  @Test("T-2, L-3: files with secrets that sign", arguments: secrets)
  func signingSecret(row: Secret) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("secret", Array(row.bytes.utf8), mode: row.mode)
    do throws(KeyFault) {
      let entry = try SigningSecret.load(file, .hs256)
      #expect(entry.key.key.publicKey.bits == row.count.map { $0 * 8 })
      #expect(entry.file == file)
    } catch {
      #expect(row.count == nil)
      #expect(error.description.contains(row.fault))
      #expect(!error.description.contains("sssss"))
    }
  }

  @Test("T-2: a secret is as long as its algorithm wants", arguments: [(SignatureAlgorithm.hs384, 48), (.hs512, 64)])
  func secretLength(algorithm: SignatureAlgorithm, bytes: Int) throws {
    let folder = try TemporaryFolder()
    let good = try folder.write("good", [UInt8](repeating: 7, count: bytes))
    let short = try folder.write("short", [UInt8](repeating: 7, count: bytes - 1) + [UInt8(ascii: "\n")])
    #expect(try SigningSecret.load(good, algorithm).key.algorithm == algorithm)
    do throws(KeyFault) {
      _ = try SigningSecret.load(short, algorithm)
      Issue.record("a short secret signs")
    } catch {
      let text = "it has \(bytes - 1) bytes, too few for \(algorithm.rawValue)"
      #expect(error.description.contains(text))
    }
  }

  @Test("A key set in a file, which everyone may read")
  func keySet() throws {
    let folder = try TemporaryFolder()
    let key = try IssuerKey(try SigningKey.generate(.ed25519), algorithm: .eddsa)
    let file = try folder.write("keys.json", IssuerKey.published([key]), mode: 0o644)
    #expect(try KeyFile.keySet(file).keySet.keys.map(\.keyID) == [key.keyID])
  }

  struct Broken: Sendable, CustomTestStringConvertible {
    let what: String
    let bytes: [UInt8]
    let fault: String
    var testDescription: String { what }
  }

  static let broken = [
    Broken(what: "HTML", bytes: Array("<html>".utf8), fault: "no key set"),
    Broken(what: "no key", bytes: Array(#"{"keys":[]}"#.utf8), fault: "the key set is empty"),
    Broken(
      what: "a private key", bytes: Array(#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"","d":""}]}"#.utf8),
      fault: "a private key does not belong in a key set"),
    Broken(what: "K-2 more than 512 KiB", bytes: [UInt8](repeating: 0x20, count: 512 * 1024 + 1), fault: "read"),
  ]

  @Test("K-2, K-6: files that are no key set", arguments: broken)
  func notKeySet(row: Broken) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("keys.json", row.bytes)
    let error = try #require(throws: KeyFault.self) { try KeyFile.keySet(file) }
    #expect(error.description.contains(row.fault))
  }

  @Test("No file, and a folder in its place")
  func noFile() throws {
    let folder = try TemporaryFolder()
    for path in [folder.path + "/none", folder.path] {
      let error = try #require(throws: KeyFault.self) { try KeyFile.keySet(path) }
      #expect(error.description.contains(path))
    }
  }
}
