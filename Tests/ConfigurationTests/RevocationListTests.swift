import Testing
import Tokens

@testable import Configuration

@Suite("The file of revoked tokens")
struct RevocationListTests {
  private static let providers = ["company", "local", "Keycloak"]

  private static func parse(_ text: some Sequence<UInt8>) -> Result<Revocations, Diagnostics> {
    RevocationList.parse(Array(text), file: "revoked.txt", providers: providers)
  }

  private static func lineFaults(_ text: some Sequence<UInt8>) -> [String] {
    if case .failure(let diagnostics) = parse(text) { return diagnostics.list.map(\.description) }
    return []
  }

  struct Good: Sendable, CustomTestStringConvertible {
    let text: String
    /// As `provider/kind/value`, `*` for all providers.
    let entries: [String]
    var testDescription: String { text.debugDescription }
  }

  @Test(
    "Entries",
    arguments: [
      Good(text: "", entries: []), Good(text: "\n\n", entries: []), Good(text: "\r\n", entries: []),
      Good(text: "   \n", entries: []), Good(text: "# jti x\n#\n#\tx\n", entries: []),
      Good(text: "jti a\nsub b\nkid c\n", entries: ["*/jti/a", "*/sub/b", "*/kid/c"]),
      Good(text: "jti a", entries: ["*/jti/a"]), Good(text: "jti a\r\nsub b\r\n", entries: ["*/jti/a", "*/sub/b"]),
      Good(text: "jti a\r", entries: ["*/jti/a"]), Good(text: "jti a  \n", entries: ["*/jti/a"]),
      Good(text: "jti a  \r\n", entries: ["*/jti/a"]), Good(text: "sub a  b c\n", entries: ["*/sub/a  b c"]),
      Good(text: "jti a # b\n", entries: ["*/jti/a # b"]), Good(text: "jti #\n", entries: ["*/jti/#"]),
      Good(text: "jti [local]\n", entries: ["*/jti/[local]"]), Good(text: "jti sub\n", entries: ["*/jti/sub"]),
      Good(text: "sub \u{E9}\u{1F600}\u{85}\n", entries: ["*/sub/\u{E9}\u{1F600}\u{85}"]),
      Good(
        text: "jti a\n[company]\njti b\n\n[local] \nsub c\n[company]\nkid d\n",
        entries: ["*/jti/a", "company/jti/b", "local/sub/c", "company/kid/d"]),
      Good(text: "[company]\n", entries: []),
    ])
  func good(_ row: Good) throws {
    let revocations = try Self.parse(row.text.utf8).get()
    #expect(revocations.count == row.entries.count)
    for entry in row.entries {
      let parts = entry.split(separator: "/", maxSplits: 2).map(String.init)
      for provider in Self.providers {
        let expected = parts[0] == "*" || parts[0] == provider
        let kind = revocations.kind(
          revoking: provider, jti: parts[1] == "jti" ? parts[2] : nil, subject: parts[1] == "sub" ? parts[2] : nil,
          keyID: parts[1] == "kid" ? parts[2] : nil)
        #expect(kind?.name == (expected ? parts[1] : nil), "\(provider) \(entry)")
      }
    }
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    let text: [UInt8]
    let fault: String
    var testDescription: String { fault }

    init(_ text: String, _ fault: String) { self.init(Array(text.utf8), fault) }

    init(_ text: [UInt8], _ fault: String) {
      self.text = text
      self.fault = fault
    }
  }

  @Test(
    "Faults have their place, and do not repeat what stands there",
    arguments: [
      Bad("jit a\n", "1:1: neither jti, sub, kid nor sid; did you mean \"jti\"?"),
      Bad("JTI a\n", "1:1: neither jti, sub, kid nor sid; did you mean \"jti\"?"),
      Bad("\nsubject a\n", "2:1: neither jti, sub, kid nor sid"),
      Bad("eyJhbGciOiJub25lIn0\n", "1:1: neither jti, sub, kid nor sid"),
      Bad("jti\n", "1:4: no value; write jti VALUE"), Bad("# x\nkid  \n", "2:4: no value; write kid VALUE"),
      Bad("jti  a\n", "1:5: a second space; use one between kind and value"),
      Bad(" jti a\n", "1:1: a space at the start of a line; begin it with jti, sub, kid, sid, [ or #"),
      Bad(" # a\n", "1:1: a space at the start of a line; begin it with jti, sub, kid, sid, [ or #"),
      Bad("jti\ta\n", "1:4: a control character; use one space between kind and value"),
      Bad("jti a\0b\n", "1:6: a control character; use one space between kind and value"),
      Bad("sub \u{E9}\u{7F}\n", "1:6: a control character; use one space between kind and value"),
      Bad("jti a\rjti b\r", "1:6: a control character; use one space between kind and value"),
      Bad("# a\rjti b\r", "1:4: a control character; use one space between kind and value"),
      Bad("jti a\n[locl]\njti b\n", "2:2: no provider is called \"locl\"; did you mean \"local\"?"),
      Bad("[]\n", "1:2: no provider is called so"),
      Bad("[ local]\n", "1:2: no provider is called so; did you mean \"local\"?"),
      // U+212A is canonically equivalent to K.
      Bad("[\u{212A}eycloak]\n", "1:2: no provider is called so"),
      Bad("[nobody]\n", "1:2: no provider is called \"nobody\""),
      Bad("[local\n", "1:7: no ] at the end of the line; write [NAME], NAME being a provider"),
      Bad("[\n", "1:2: no ] at the end of the line; write [NAME], NAME being a provider"),
      Bad("[local] # x\n", "1:12: no ] at the end of the line; write [NAME], NAME being a provider"),
      Bad([0xEF, 0xBB, 0xBF] + Array("jti a".utf8), "1:1: a byte order mark; save the file without it"),
      Bad(Array("jti a\nsub \u{E9}b".utf8) + [0xFF], "2:7: bytes that are not UTF-8"),
      Bad(Array("# ".utf8) + [0xC0, 0x80], "1:3: bytes that are not UTF-8"),
      Bad(Array("jti ".utf8) + [0xED, 0xA0, 0x80], "1:5: bytes that are not UTF-8"),
      Bad(Array("jti ".utf8) + [0xE2, 0x82], "1:5: bytes that are not UTF-8"),
      Bad(
        "jti " + String(repeating: "x", count: (32 << 10) + 1),
        "1:5: a value of more than 32 KiB, which no token can hold"),
    ])
  func bad(_ row: Bad) {
    #expect(Self.lineFaults(row.text) == ["revoked.txt:" + row.fault])
  }

  @Test("Several faults are said in one run, and no more than ten")
  func several() {
    #expect(
      Self.lineFaults("jti\njti a\nx y\n[z]\n".utf8) == [
        "revoked.txt:1:4: no value; write jti VALUE", "revoked.txt:3:1: neither jti, sub, kid nor sid",
        "revoked.txt:4:2: no provider is called \"z\"",
      ])
    #expect(Self.lineFaults(String(repeating: "x\n", count: 100_000).utf8).count == 10)
    #expect(Self.lineFaults(String(repeating: "\0", count: 100_000).utf8).count == 1)
  }

  @Test("No text traps: every byte at every place of a good one")
  func mutations() {
    let good = Array("# a\njti b\n[local]\r\nsub c d\n".utf8)
    for place in good.indices {
      for byte in UInt8.min...UInt8.max {
        var text = good
        text[place] = byte
        _ = Self.parse(text)
      }
      _ = Self.parse(good[..<place])
      _ = Self.parse(good[place...])
    }
  }

  @Test("16 MiB and a million entries, and no more")
  func bounds() throws {
    let most = Array("jti a\n".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(RevocationList.entriesMax * most.count)
    for _ in 0..<RevocationList.entriesMax { text += most }
    #expect(try Self.parse(text).get().count == 1)
    #expect(Self.lineFaults(text + most) == ["revoked.txt:1000001:1: more than 1000000 entries"])
    let comment = [UInt8](repeating: UInt8(ascii: "#"), count: RevocationList.bytesMax)
    #expect(try Self.parse(comment).get().isEmpty)
    #expect(Self.lineFaults(comment + [0x0A]) == ["revoked.txt: larger than 16 MiB"])
  }

  @Test("`revocations` names the file, and nothing else")
  func key() throws {
    #expect(try configuration(Sample().text).revocations == nil)
    let text = Sample(top: "revocations: { file: a/revoked.txt }\n").text
    let file = try configuration(text, file: "/etc/p/gateway.conf")
    #expect(file.revocations?.file == "/etc/p/a/revoked.txt")
    #expect(
      RevocationList.diagnostics("is odd", of: file).description == "/etc/p/gateway.conf:3:22: is odd")
    for (line, fault) in [
      (
        "revocations: {}",
        "3:14: \"file\" is missing. A file with one line per token id, subject or key; read again within a second "
          + "of a change."
      ),
      ("revocations: a", "3:14: expected a mapping, found \"a\""),
      ("revocations: { file: \"\" }", "3:22: an empty path; expected a path"),
      ("revocations: { fil: a }", "3:16: unknown key \"fil\"; did you mean \"file\"?"),
    ] {
      #expect(faults(Sample(top: line + "\n").text) == [fault])
    }
  }
}
