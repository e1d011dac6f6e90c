import Testing

@testable import Sockets
@testable import TLS

@Suite("Certificates")
struct CertificateTests {
  private static func fault(_ chain: [UInt8], _ key: [UInt8], _ staple: [UInt8]? = nil) -> TLSFault? {
    do throws(TLSFault) {
      _ = try ServerCertificate(chainPEM: chain, keyPEM: key, staple: staple)
      return nil
    } catch {
      return error
    }
  }

  @Test("What cannot be served")
  func faults() throws {
    let good = try CertificateMaker("DNS:a.example")
    let other = try CertificateMaker("DNS:a.example")
    let nameless = try CertificateMaker("")
    let weak = try CertificateMaker("DNS:a.example", rsaBits: 1024)
    let broken = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
    #expect(CertificateTests.fault(good.pem, good.keyPEM) == nil)
    #expect(CertificateTests.fault(good.keyPEM + good.pem + other.pem, good.keyPEM) == nil)
    #expect(CertificateTests.fault([], good.keyPEM) == .noCertificate)
    #expect(CertificateTests.fault(good.keyPEM, good.keyPEM) == .noCertificate)
    #expect(CertificateTests.fault(broken, good.keyPEM) == .chainInvalid)
    #expect(CertificateTests.fault(good.pem + broken, good.keyPEM) == .chainInvalid)
    #expect(CertificateTests.fault(good.pem, []) == .noKey)
    #expect(CertificateTests.fault(good.pem, good.pem) == .noKey)
    #expect(CertificateTests.fault(good.pem, other.keyPEM) == .keyMismatch)
    #expect(CertificateTests.fault(nameless.pem, nameless.keyPEM) == .noNames)
    #expect(CertificateTests.fault(weak.pem, weak.keyPEM) == .tooWeak)
    #expect(CertificateTests.fault(good.pem + weak.pem, good.keyPEM) == .tooWeak)
    #expect(CertificateTests.fault(good.pem, good.keyPEM, []) == .stapleInvalid)
    #expect(CertificateTests.fault(good.pem, good.keyPEM, Array("no response".utf8)) == .stapleInvalid)
    // OCSPResponse with responseStatus tryLater.
    #expect(CertificateTests.fault(good.pem, good.keyPEM, [0x30, 3, 0x0A, 1, 3]) == .stapleInvalid)
  }

  @Test("Authorities of clients")
  func authorities() throws {
    let authority = try CertificateMaker(nil)
    #expect(throws: Never.self) { try ClientAuthorities(pem: authority.pem) }
    #expect(throws: TLSFault.noCertificate) { try ClientAuthorities(pem: Array("nothing".utf8)) }
  }

  @Test("Dates")
  func dates() throws {
    for (seconds, validity) in [
      (-60...60, .valid), (-60 ... -30, .expired), (30...60, .notYetValid),
    ] as [(ClosedRange<Int>, CertifiedKey.Validity)] {
      let made = try CertificateMaker("DNS:a.example", seconds: seconds)
      #expect(try ServerCertificate(chainPEM: made.pem, keyPEM: made.keyPEM).validity == validity)
    }
  }

  @Test(
    "P-15: hosts that a certificate covers",
    arguments: [
      ("a.example", true), ("A.Example", true), ("a.example.", true), ("b.example", false), ("xa.example", false),
      ("example", false), ("x.w.example", true), ("X.W.EXAMPLE", true), ("w.example", false), (".w.example", false),
      ("x.y.w.example", false), ("xw.example", false), ("*.w.example", true), ("127.0.0.1", true),
      ("127.0.0.2", false), ("127.1", false), ("[::1]", true), ("[0:0:0:0:0:0:0:1]", true), ("[::2]", false),
      ("::1", false), ("[127.0.0.1]", false), ("", false), (".", false), ("a name that says nothing", false),
      (String(repeating: "1", count: 100), false),
    ])
  func coveredHosts(host: String, isCovered: Bool) throws {
    let made = try CertificateMaker("DNS:a.example,DNS:*.w.example,IP:127.0.0.1,IP:::1,email:x@b.example")
    let names = try ServerCertificate(chainPEM: made.pem, keyPEM: made.keyPEM).names
    #expect(names.covers(host) == isCovered)
  }

  @Test("A wildcard is the first label and nothing else")
  func wildcards() {
    #expect(CertificateNames(names: ["*", "a.*.example", "x*.example", ""]).isEmpty)
  }

  @Test("Ticket keys seal for twelve hours, and open for twelve more")
  func ticketKeys() throws {
    let keys = TicketKeys()
    let start = MonotonicTime(nanoseconds: 0)
    func hours(_ count: Int64) -> MonotonicTime { start + .seconds(count * 3600) }
    func name(_ key: TicketKeys.Key) -> [UInt8] { Array(key.bytes[..<16]) }
    let first = try #require(keys.sealing(now: start))
    #expect(name(try #require(keys.sealing(now: hours(11)))) == name(first))
    #expect(keys.opening(name(first), now: hours(11))?.isCurrent == true)
    let second = try #require(keys.sealing(now: hours(13)))
    #expect(name(second) != name(first))
    #expect(keys.opening(name(first), now: hours(13))?.isCurrent == false)
    #expect(keys.opening(name(first), now: hours(25)) == nil)
    #expect(keys.opening(name(second), now: hours(26))?.isCurrent == false)
    let third = try #require(keys.sealing(now: hours(26)))
    #expect(keys.opening(name(first), now: hours(26)) == nil)
    #expect(keys.opening(name(third), now: hours(26))?.isCurrent == true)
    #expect(keys.opening([UInt8](repeating: 0, count: 16), now: hours(26)) == nil)
    #expect(keys.opening([], now: hours(26)) == nil)
  }
}
