import Access
import Configuration
import HTTP
import Reason

/// Where users sign in, compiled for the loops; `SignInChoice` says on which hosts.
struct ActiveSignIn: Sendable {
  /// The provider's name.
  let provider: String
  /// The name of the cookie that identifies whoever has signed in.
  let cookie: [UInt8]
  /// The path of the login page, up to the value of `return_to`.
  private let login: [UInt8]
  /// The name of the refresh cookie; nil if tokens are not renewed during a request.
  private let refreshCookie: [UInt8]?
  /// What the login page takes.
  private let returnToBytesMax: Int
  /// What the gateway takes.
  private let targetBytesMax: Int
  private let place: Place

  private enum Place {
    /// Users who come to the page have to authenticate again.
    case here
    /// Users who are still signed in are sent back as they are, unless the provider is told how to authenticate them.
    case provider
  }

  init(_ configuration: SignInConfiguration, provider: String, targetBytesMax: Int) {
    self.provider = provider
    self.targetBytesMax = targetBytesMax
    returnToBytesMax = SignInConfiguration.returnToBytesMax
    login = [UInt8]("\(configuration.path)/login?return_to=".utf8)
    cookie = [UInt8](configuration.cookies.access.utf8)
    refreshCookie = [UInt8](configuration.cookies.refresh.utf8)
    place = .here
  }

  /// For sign-in at the provider; the page redirects to it.
  init(_ configuration: CodeFlowConfiguration, provider: String, targetBytesMax: Int) {
    self.provider = provider
    self.targetBytesMax = targetBytesMax
    // The provider sends it back in `state`, with a code of its own beside it.
    returnToBytesMax = min(CodeFlowConfiguration.returnToBytesMax, targetBytesMax / 8)
    login = [UInt8]("\(configuration.path)/login?return_to=".utf8)
    cookie = [UInt8](configuration.cookies.session.utf8)
    refreshCookie = nil
    place = .provider
  }

  /// The refresh token that is worth trying; nil if there is none, or the request is neither a navigation nor of the
  /// same origin.
  ///
  /// A client that sends its token in Authorization renews it itself.
  ///
  /// - Parameter outcome: The outcome of authenticating the request.
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
    return [UInt8](bytes, value)
  }

  /// The response that redirects a browser to the login page; nil if the client is to receive the refusal (SECURITY
  /// C-13).
  ///
  /// - Parameters:
  ///   - path: The canonical path.
  ///   - remedy: How a user with a session has to be authenticated anew (RFC 9470 §4); nil if that would change
  ///     nothing.
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
    let location = login + returnTo(path, bytes, head.query, roomFor: stepUp.count) + stepUp
    return LocalResponse(
      status: 303,
      fields: [
        ("Location", String(decoding: location, as: UTF8.self)), ("Cache-Control", "no-store"),
        // Whether the user is signed in decides how the same URL is answered.
        ("Vary", "Cookie"),
      ], body: [], reason: reason)
  }

  /// The value of `return_to`: without the query, or `/` alone, where the login page would not take all of it, or the
  /// gateway not the request that the browser sends next.
  private func returnTo(
    _ path: Span<UInt8>, _ bytes: Span<UInt8>, _ query: ByteRange, roomFor stepUpBytes: Int
  ) -> [UInt8] {
    let room = targetBytesMax - login.count - stepUpBytes
    var escaped: [UInt8] = []
    if path.count <= returnToBytesMax {
      ActiveSignIn.appendEscaped(path, ByteRange(0, path.count), to: &escaped)
    }
    guard !escaped.isEmpty, escaped.count <= room else { return [UInt8(ascii: "/")] }
    let pathBytes = escaped.count
    guard path.count + query.count <= returnToBytesMax else { return escaped }
    ActiveSignIn.appendEscaped(bytes, query, to: &escaped)
    if escaped.count > room { escaped.removeSubrange(pathBytes...) }
    return escaped
  }

  /// The query parameters for authentication at the provider; nil if they would be too long. Any one of the context
  /// classes suffices, so as many are named as fit.
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

  /// Appends a part of a query value, escaping everything but slashes and what RFC 3986 §2.3 leaves unreserved.
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
