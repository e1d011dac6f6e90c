import Crypto
import Fetch
import HTTP
import Testing
import Tokens

@testable import Keys

@Suite("What is said of an issuer")
struct IssuerDiagnosisTests {
  private let elliptic = #""kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)""#
  // RFC 7517, Appendix A.1.
  private static let x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
  private static let y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"

  private func findings(_ keys: String..., algorithms: [SignatureAlgorithm]? = nil) -> [IssuerFinding] {
    KeyHygiene.findings(
      Array("{\"keys\":[\(keys.map { "{\($0)}" }.joined(separator: ","))]}".utf8), algorithms: algorithms)
  }

  @Test("Good keys are named")
  func goodKeys() {
    let found = findings("\(elliptic),\"kid\":\"a\",\"alg\":\"ES256\",\"use\":\"sig\"")
    #expect(found == [IssuerFinding(.good, "keys", "1 usable: \"a\" (ES256)")])
  }

  @Test(
    "The worst stands first, with a remedy",
    arguments: [
      (#","kid":"a","alg":"ES256","d":"AAAA""#, "a private key does not belong", IssuerFinding.Severity.fault),
      (#","kid":"a","alg":"RS256""#, "does not fit", .warning),
      (#","kid":"a""#, "no alg", .warning), (#","alg":"ES256""#, "has no kid", .warning),
      (#","kid":"good","alg":"ES256""#, "the same \"kid\"", .fault),
    ])
  func faults(members: String, text: String, severity: IssuerFinding.Severity) {
    let good = "\(elliptic),\"kid\":\"good\",\"alg\":\"ES256\""
    let other = "\(elliptic),\"kid\":\"other\",\"alg\":\"ES256\""
    let found = findings(good, elliptic + members, other)
    #expect(found.first?.verdict.contains(text) == true, "\(found)")
    #expect(found.first?.severity == severity)
    #expect(found.first?.remedy != nil)
    #expect(found == found.inOrder)
  }

  @Test("A weak RSA key, a shared secret, a set without keys, and none at all")
  func unusableSets() {
    let weak = findings(#""kty":"RSA","n":"\#(String(repeating: "A", count: 170))Q","e":"AQAB","kid":"w""#)
    #expect(weak.count == 2 && weak.allSatisfy { $0.severity == .fault })
    #expect(weak.last?.verdict.contains("503") == true)
    #expect(findings(#""kty":"oct","k":"AAAA","kid":"s""#).first?.verdict.contains("can sign") == true)
    #expect(findings().first?.severity == .fault)
    #expect(KeyHygiene.findings(Array("<html>".utf8), algorithms: nil).first?.severity == .fault)
  }

  @Test("Keys that none of the provider's algorithms is for")
  func algorithms() {
    let key = "\(elliptic),\"kid\":\"a\",\"alg\":\"ES256\""
    #expect(findings(key, algorithms: [.rs256]).first?.verdict.contains("RS256") == true)
    #expect(findings(key, algorithms: [.rs256, .es256]).first?.severity == .good)
  }

  @Test(
    "The clock",
    arguments: [
      (Int64(0), IssuerFinding.Severity.good), (Int64(5), .good), (Int64(-20), .warning), (Int64(31), .fault),
      (Int64(-300), .fault),
    ])
  func clock(ahead: Int64, severity: IssuerFinding.Severity) {
    #expect(IssuerDiagnosis.clock(serverTime: 1000 + ahead, now: 1000, leeway: 30).severity == severity)
    #expect(IssuerDiagnosis.clock(serverTime: nil, now: 1000, leeway: 30).severity == .good)
  }

  @Test("Certificates, and how long answers may be kept")
  func others() {
    let (url, day) = (ShownURL("https://a"), Int64(86_400))
    #expect(IssuerDiagnosis.certificates(end: 90 * day, of: url, now: 0).verdict.contains("90 days"))
    #expect(IssuerDiagnosis.certificates(end: 13 * day, of: url, now: 0).severity == .warning)
    #expect(IssuerDiagnosis.certificates(end: nil, of: ShownURL("http://127.0.0.1"), now: 0).severity == .warning)
    #expect(IssuerDiagnosis.freshness(.fresh(.seconds(5)), refreshEvery: .seconds(600)).severity == .warning)
    #expect(
      IssuerDiagnosis.freshness(.fresh(.seconds(90)), refreshEvery: .seconds(600)).verdict.contains("every 90 s"))
    #expect(IssuerDiagnosis.freshness(.notToBeKept, refreshEvery: .seconds(600)).severity == .good)
    let failure = IssuerDiagnosis.failure("discovery", url, .issuerDiffers(found: "https://b"))
    #expect(failure.severity == .fault && failure.remedy?.contains("\"https://b\"") == true)
  }
}
