import Foundation
import Testing

@testable import Reason

@Suite("Reasons")
struct ReasonTests {
  @Test("Codes are snake_case, and each is there once")
  func codes() {
    let codes = Reason.allCases.map(\.rawValue)
    #expect(codes.count > 60)
    #expect(Set(codes).count == codes.count)
    for code in codes {
      let words = code.split(separator: "_", omittingEmptySubsequences: false)
      #expect(words.count > 1, "\(code)")
      #expect(words.allSatisfy { !$0.isEmpty && $0.allSatisfy { ("a"..."z").contains($0) } }, "\(code)")
    }
  }

  @Test("The code is the case's name", arguments: Reason.allCases)
  func names(reason: Reason) {
    let name = "\(reason)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
    #expect(reason.rawValue == name)
  }

  @Test("A status blames who can change it", arguments: Reason.allCases)
  func statusAndBlame(reason: Reason) {
    switch reason.status {
    case 401:
      let isOfIssuer = [.claimsInvalid, .claimMissing, .claimMalformed, .confirmationUnsupported].contains(reason)
      #expect(reason.blame == (isOfIssuer ? .issuer : .client))
    case 400, 404, 405, 408, 413, 414, 417, 421, 429, 431, 499, 501, 505: #expect(reason.blame == .client)
    // What stands for a credential is the client's, though no challenge asks for another.
    case 403 where reason.rawValue.hasPrefix("certificate_") || reason == .fieldRefused:
      #expect(reason.blame == .client)
    case 403: #expect(reason.blame == .policy || reason == .identityInvalid)
    case 500, 508: #expect(reason.blame == .gateway)
    case 502, 504: #expect(reason.blame == .upstream)
    case 503: #expect([.gateway, .issuer, .upstream].contains(reason.blame))
    default: Issue.record("\(reason.rawValue) has the status \(reason.status)")
    }
  }

  @Test("What passes by itself says when, and nothing else does", arguments: Reason.allCases)
  func retryAfter(reason: Reason) {
    #expect((reason.retryAfterSeconds != nil) == (reason.status == 503))
  }

  @Test("Somebody is to blame for something, and each can be")
  func everyBlame() {
    #expect(Set(Reason.allCases.map(\.blame)) == Set(Blame.allCases))
    #expect(Blame.allCases.map(\.rawValue) == ["client", "issuer", "policy", "upstream", "gateway"])
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let reason: Reason
    let status: Int
    var testDescription: String { "\(reason.rawValue): \(status)" }
  }

  @Test(
    "The statuses of the security rules",
    arguments: [
      Row(reason: .framingConflict, status: 400), Row(reason: .transferEncodingInvalid, status: 400),
      Row(reason: .transferCodingUnsupported, status: 501), Row(reason: .contentLengthInvalid, status: 400),
      Row(reason: .lineEndInvalid, status: 400), Row(reason: .fieldLineInvalid, status: 400),
      Row(reason: .fieldValueInvalid, status: 400), Row(reason: .requestLineInvalid, status: 400),
      Row(reason: .versionUnsupported, status: 505), Row(reason: .hostInvalid, status: 400),
      Row(reason: .authorityMismatch, status: 400), Row(reason: .methodRefused, status: 405),
      Row(reason: .targetInvalid, status: 400), Row(reason: .chunkInvalid, status: 400),
      Row(reason: .expectationUnsupported, status: 417), Row(reason: .pathDotSegment, status: 400),
      Row(reason: .pathEncodedSlash, status: 400), Row(reason: .pathBackslash, status: 400),
      Row(reason: .pathParameter, status: 400), Row(reason: .pathDoubleEncoding, status: 400),
      Row(reason: .noRoute, status: 404), Row(reason: .credentialRepeated, status: 400),
      Row(reason: .cookieRepeated, status: 401), Row(reason: .algorithmRefused, status: 401),
      Row(reason: .keyUnknown, status: 401), Row(reason: .keysUnavailable, status: 503),
      Row(reason: .tokenInactive, status: 401), Row(reason: .introspectionUnavailable, status: 503),
      Row(reason: .roleMissing, status: 403), Row(reason: .identityInvalid, status: 403),
      Row(reason: .upstreamAnswerInvalid, status: 502), Row(reason: .upstreamTimeout, status: 504),
      Row(reason: .upstreamUnresolved, status: 503), Row(reason: .upstreamUnavailable, status: 503),
      Row(reason: .upstreamBusy, status: 503),
      Row(reason: .headTimeout, status: 408), Row(reason: .headTooLarge, status: 431),
      Row(reason: .tooManyFields, status: 431), Row(reason: .targetTooLong, status: 414),
      Row(reason: .bodyTooLarge, status: 413), Row(reason: .proofMissing, status: 401),
      Row(reason: .proofInvalid, status: 401), Row(reason: .proofReplayed, status: 401),
      Row(reason: .proofMemoryFull, status: 503), Row(reason: .certificateMismatch, status: 401),
      Row(reason: .certificateMissing, status: 403), Row(reason: .certificateRefused, status: 403),
      Row(reason: .certificateExpired, status: 403), Row(reason: .certificateRevoked, status: 403),
      Row(reason: .confirmationUnsupported, status: 401), Row(reason: .originRefused, status: 403),
      Row(reason: .rateLimited, status: 429), Row(reason: .forwardingLoop, status: 508),
      Row(reason: .resourcesExhausted, status: 503), Row(reason: .fieldRefused, status: 403),
    ])
  func statuses(_ row: Row) { #expect(row.reason.status == row.status) }

  @Test("docs/reasons.md has every code, with the words that the program has for it")
  func documented() throws {
    // Read where the sources are, not where the test runs.
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let reference = try String(contentsOf: root.appending(path: "docs/reasons.md"), encoding: .utf8)
    for reason in Reason.allCases {
      let row =
        "| `\(reason.rawValue)` | \(reason.status) | \(reason.blame.rawValue) | \(reason.meaningMarkdown) "
        + "| \(reason.adviceMarkdown) |\n"
      #expect(reference.contains(row), "the row of \(reason.rawValue) is another one")
      guard let ofSignIn = reason.adviceOfSignInMarkdown else { continue }
      #expect(
        reference.contains("\n| `\(reason.rawValue)` | \(ofSignIn) |\n"),
        "the second row of \(reason.rawValue) is another one")
    }
    for revoker in Revoker.allCases {
      let row = "\n| `\(revoker.rawValue)` | \(revoker.meaningMarkdown) | \(revoker.adviceMarkdown) |\n"
      #expect(reference.contains(row), "the row of \(revoker.rawValue) is another one")
    }
  }

  @Test("Where the gateway itself issues the tokens nobody is sent to an issuer, and former tokens are thought of")
  func signIn() {
    for reason in [Reason.roleMissing, .scopeMissing, .permissionMissing, .claimMismatch, .identityInvalid] {
      #expect(!reason.adviceOfSignIn.contains("issuer") && reason.adviceOfSignIn.contains("users file"))
      #expect(reason.adviceOfSignIn.contains("until they are renewed or expire"))
    }
    #expect(Reason.keyUnknown.adviceOfSignIn == Reason.keyUnknown.advice)
  }

  @Test("Links become paths, where nobody can follow them")
  func links() {
    let plain = MarkdownLinks.plain("See [keys.md](keys.md#a) and [TLS](tls.md).")
    #expect(plain == "See docs/keys.md#a and TLS (docs/tls.md).")
    #expect(MarkdownLinks.plain("[docs/tls.md](tls.md#b)") == "docs/tls.md#b")
    #expect(MarkdownLinks.plain("a [b] c") == "a [b] c")
    for reason in Reason.allCases {
      #expect(!reason.meaning.contains("](") && !reason.advice.contains("]("))
      #expect(!reason.meaning.isEmpty && !reason.advice.isEmpty)
      #expect(!reason.adviceOfSignIn.contains("](") && !reason.adviceOfSignIn.isEmpty)
    }
    for revoker in Revoker.allCases {
      #expect(!revoker.meaning.contains("](") && !revoker.advice.contains("]("))
    }
  }
}
