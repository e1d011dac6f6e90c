import Access
import Configuration
import HTTP
import Reason

/// Where people sign in, compiled for the loops; `SignInChoice` says on which hosts.
struct ActiveSignIn: Sendable {
  /// Its name.
  let provider: String
  /// The login page's path, up to where it is said where to go on.
  private let login: [UInt8]
  /// nil: nothing is renewed on the way.
  private let refreshCookie: [UInt8]?
  private let place: Place

  private enum Place {
    /// Whoever comes to its page has to say anew who they are.
    case here
    /// Who is still signed in comes back as they went, unless the provider is told how to authenticate them.
    case provider
  }

  init(_ configuration: SignInConfiguration, provider: String) {
    self.provider = provider
    login = [UInt8]("\(configuration.path)/login?return_to=".utf8)
    refreshCookie = [UInt8](configuration.cookies.refresh.utf8)
    place = .here
  }

  /// At the provider; its page is on the way there.
  init(_ configuration: CodeFlowConfiguration, provider: String) {
    self.provider = provider
    login = [UInt8]("\(configuration.path)/login?return_to=".utf8)
    refreshCookie = nil
    place = .provider
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
    guard let refreshCookie, head.cookieLine >= 0,
      case .found(let value) = CookieLine.find(refreshCookie, in: bytes, head.fields[head.cookieLine].value),
      value.count <= ActiveSignIn.tokenBytesMax
    else { return nil }
    let metadata = FetchMetadata(head, bytes)
    guard metadata.isNavigation || metadata.isOfSameOrigin else { return nil }
    return [UInt8](capacity: value.count) { output in
      for index in value.lowerBound..<value.upperBound { output.append(bytes[index]) }
    }
  }

  /// The response that sends a browser to the login page; nil: who asks is told why it is refused (SECURITY C-13).
  ///
  /// - Parameters:
  ///   - path: Canonical.
  ///   - remedy: How whoever has a session has to be authenticated anew (RFC 9470 §4); nil: that would change nothing.
  func redirect(
    insteadOf reason: Reason, _ path: Span<UInt8>, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
    for remedy: Remedy?
  ) -> LocalResponse? {
    guard reason.status == 401, FetchMetadata.asksForPage(head, bytes) else { return nil }
    var stepUp: [UInt8] = []
    switch reason {
    case .authenticationTooOld where place == .here: break
    case .authenticationTooOld, .acrInsufficient:
      guard place == .provider, let parameters = remedy.flatMap(ActiveSignIn.stepUp) else { return nil }
      stepUp = parameters
    default: break
    }
    var location = login
    ActiveSignIn.appendEscaped(path, ByteRange(0, path.count), to: &location)
    ActiveSignIn.appendEscaped(bytes, head.query, to: &location)
    location += stepUp
    return LocalResponse(
      status: 303,
      fields: [
        ("Location", String(decoding: location, as: UTF8.self)), ("Cache-Control", "no-store"),
        // Whether somebody is signed in decides what the same URL answers.
        ("Vary", "Cookie"),
      ], body: [], reason: reason)
  }

  /// The parameters by which the way to the provider begins; nil where they would take too much room. Any of the
  /// context classes is enough, so as many are named as there is room for.
  private static func stepUp(_ remedy: Remedy) -> [UInt8]? {
    var parameters: [UInt8] = []
    if let seconds = remedy.authenticationAge { parameters += "&max_age=\(seconds)".utf8 }
    guard !remedy.contextClasses.isEmpty else { return parameters }
    var classes: [UInt8] = []
    let bytesMax = CodeFlowConfiguration.contextClassesBytesMax
    for name in remedy.contextClasses where classes.count + name.utf8.count < bytesMax {
      if !classes.isEmpty { classes.append(UInt8(ascii: " ")) }
      classes += name.utf8
    }
    guard !classes.isEmpty else { return nil }
    parameters += "&acr_values=".utf8
    appendEscaped(classes.span, ByteRange(0, classes.count), to: &parameters)
    return parameters
  }

  private static let tokenBytesMax = 128

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
