import Crypto
import Testing
import Tokens

@testable import Keys

@Suite("What a copy of keys on disk holds")
struct KeyCopyTests {
  static func copy(_ text: String = #"{"keys":[]}"#) -> KeyCopy {
    KeyCopy(
      issuer: "https://idp.example", location: "https://idp.example/.well-known/openid-configuration",
      address: "https://keys.example/ü?a=\"b\"", entityTag: "W/\"1\"", fetchedAt: 1_700_000_000,
      firstSeen: ["b": 1_600_000_000, "a": 1_650_000_000], text: Array(text.utf8))
  }

  static func read(_ bytes: [UInt8]) throws(KeyCopyFault) -> KeyCopy { try KeyCopy(bytes.span) }

  @Test(
    "What is written is what is read",
    arguments: ["{\"keys\":[]}", "", "{\r\n\t\"a\" : \"\\u0000\u{7F}\u{2028}é\u{1F511}\\\\\" }\n", "e\u{301}"])
  func roundTrip(text: String) throws {
    var copy = KeyCopyTests.copy(text)
    #expect(try KeyCopyTests.read(copy.serialized()) == copy)
    copy.certificateAuthorityFile = "/etc/ca \"1\".pem"
    #expect(try KeyCopyTests.read(copy.serialized()) == copy)
    copy.entityTag = nil
    copy.firstSeen = [:]
    #expect(try KeyCopyTests.read(copy.serialized()) == copy)
  }

  @Test("A copy in which any bit fell over is none, and neither is a part of one")
  func damage() throws {
    let copy = KeyCopyTests.copy()
    let bytes = try copy.serialized()
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        // What is left may be another way to write the same: white space after the end.
        if let read = try? KeyCopyTests.read(damaged) { #expect(read == copy && index == bytes.count - 1) }
      }
      guard index < bytes.count - 1 else { continue }
      #expect(throws: KeyCopyFault.damaged) { try KeyCopyTests.read(Array(bytes[..<index])) }
    }
  }

  @Test(
    "What is not a copy",
    arguments: [
      ("", KeyCopyFault.damaged), ("{}", .damaged), ("[]", .damaged), ("<html>", .damaged), (#"{"keys":[]}"#, .damaged),
      (#"{"version":1}"#, .damaged), (#"{"version":"1","sha256":"","content":{}}"#, .damaged),
      (#"{"version":2,"other":true}"#, .otherVersion), (#"{"version":0}"#, .otherVersion),
    ])
  func none(text: String, fault: KeyCopyFault) {
    #expect(throws: fault) { try KeyCopyTests.read(Array(text.utf8)) }
  }

  @Test("Every member counts, also where the hash is right")
  func members() throws {
    let text = String(decoding: try KeyCopyTests.copy().serialized(), as: UTF8.self)
    for name in ["issuer", "location", "address", "fetched_at", "first_seen", "key_set"] {
      #expect(text.contains("\"\(name)\":"))
      let other = KeyCopyTests.resealed(text.replacing("\"\(name)\":", with: "\"x\(name)\":"))
      #expect(throws: KeyCopyFault.damaged) { try KeyCopyTests.read(Array(other.utf8)) }
    }
    #expect(throws: Never.self) { try KeyCopyTests.read(Array(KeyCopyTests.resealed(text).utf8)) }
  }

  /// `text` with the hash of the content that it has now.
  static func resealed(_ text: String) -> String {
    guard let content = text.firstRange(of: "\"content\":")?.upperBound,
      let hash = text.firstRange(of: "\"sha256\":\"")?.upperBound
    else { return "" }
    let bytes = Array(text[content...].dropLast(2).utf8)
    return String(text[..<hash]) + KeyCopyTests.digest(bytes) + String(text[text.index(hash, offsetBy: 64)...])
  }
}

extension KeyCopyTests {
  private static func digest(_ bytes: [UInt8]) -> String {
    let digest = (try? HashFunction.sha256.digest(of: bytes.span)) ?? []
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
