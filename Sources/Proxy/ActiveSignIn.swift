import Access
import Configuration
import HTTP
import Reason

/// Where a route's people sign in, compiled for the loops.
struct ActiveSignIn: Sendable {
  /// Its name.
  let provider: String
  /// The login page's path, up to where it is said where to go on.
  private let login: [UInt8]
  /// In lower case. On other hosts the browser would not send the cookies.
  private let hosts: [[UInt8]]
  /// nil: nothing is renewed on the way.
  private let refreshCookie: [UInt8]?
  /// Whether whoever comes there has to say anew who they are.
  private let asksAnew: Bool

  init(_ configuration: SignInConfiguration, provider: String) {
    self.provider = provider
    login = [UInt8]("\(configuration.path)/login?return_to=".utf8)
    hosts = configuration.hosts.map { [UInt8]($0.utf8) }
    refreshCookie = [UInt8](configuration.cookies.refresh.utf8)
    asksAnew = true
  }

  /// At the provider; its page is on the way there.
  init(_ configuration: CodeFlowConfiguration, provider: String) {
    self.provider = provider
    login = [UInt8]("\(configuration.path)/login?return_to=".utf8)
    hosts = [[UInt8](configuration.host.utf8)]
    refreshCookie = nil
    asksAnew = false
  }

  /// The refresh token that is worth a try; nil: there is none, or the request is no browser's own.
  ///
  /// A request that brings its token in Authorization knows by itself what to do about it.
  ///
  /// - Parameter outcome: What came of the request's token.
  func refreshToken(
    after outcome: TokenAuthentication.Outcome, of credential: Credential, _ head: borrowing RequestHead,
    _ bytes: Span<UInt8>
  ) -> [UInt8]? {
    switch outcome {
    case .identity(let identity, _): guard case .anonymous = identity else { return nil }
    case .refused(let reason, _, _) where reason.status == 401 && reason != .cookieRepeated: break
    default: return nil
    }
    switch credential {
    case .absent, .cookie: break
    case .authorization, .session, .webSocketProtocol: return nil
    }
    guard let refreshCookie, head.cookieLine >= 0, isFor(head, bytes),
      case .found(let value) = CookieLine.find(refreshCookie, in: bytes, head.fields[head.cookieLine].value),
      value.count <= ActiveSignIn.tokenBytesMax
    else { return nil }
    let metadata = FetchMetadata(head, bytes)
    guard metadata.isNavigation || metadata.isOfSameOrigin else { return nil }
    return [UInt8](capacity: value.count) { output in
      for index in value.lowerBound..<value.upperBound { output.append(bytes[index]) }
    }
  }

  /// The answer that sends a browser to the login page; nil: who asks is told why it is refused (SECURITY C-13).
  ///
  /// - Parameter path: Canonical.
  func redirect(
    insteadOf reason: Reason, _ path: Span<UInt8>, _ head: borrowing RequestHead, _ bytes: Span<UInt8>
  ) -> LocalResponse? {
    // Who is still signed in there would come back as they went, without end.
    if reason == .authenticationTooOld, !asksAnew { return nil }
    guard reason.status == 401, isFor(head, bytes), FetchMetadata.asksForPage(head, bytes) else { return nil }
    var location = login
    ActiveSignIn.appendEscaped(path, ByteRange(0, path.count), to: &location)
    ActiveSignIn.appendEscaped(bytes, head.query, to: &location)
    return LocalResponse(
      status: 303,
      fields: [
        ("Location", String(decoding: location, as: UTF8.self)), ("Cache-Control", "no-store"),
        // Whether somebody is signed in decides what the same URL answers.
        ("Vary", "Cookie"),
      ], body: [], reason: reason)
  }

  private static let tokenBytesMax = 128

  private func isFor(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
    for host in hosts where host.count == head.host.count {
      var isSame = true
      for offset in host.indices where FieldText.lowered(bytes[head.host.lowerBound + offset]) != host[offset] {
        isSame = false
        break
      }
      if isSame { return true }
    }
    return false
  }

  /// As a part of a query's value: everything but what RFC 3986 §2.3 leaves free, and slashes.
  private static func appendEscaped(_ bytes: Span<UInt8>, _ range: ByteRange, to output: inout [UInt8]) {
    let digits: InlineArray<16, UInt8> = [
      0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
    ]
    for index in range.lowerBound..<range.upperBound {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"), UInt8(ascii: "/"):
        output.append(byte)
      default:
        output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
  }
}
