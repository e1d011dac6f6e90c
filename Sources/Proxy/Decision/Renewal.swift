public import HTTP

/// A loop's request to use a refresh token, for a request whose access token is no longer valid.
public struct RenewalRequest: Sendable {
  /// The refresh token. It is a secret.
  public let token: [UInt8]
  /// The provider's name.
  public let provider: String
  /// The client that sent it; nil if it has no address.
  public let client: IPAddress?
  /// The exchange that waits for the result.
  let place: ExchangePlace
}

/// The result of using a refresh token.
public struct Renewal: Sendable {
  let token: [UInt8]?
  let provider: String
  /// The cookie that holds the token, as the browser's next request has it: `NAME=TOKEN`; nil if none.
  let cookie: [UInt8]?
  /// Field lines of the response, each with its CRLF; nil if none.
  let fields: [UInt8]?

  /// Whether the refresh token could not be checked.
  let isUnavailable: Bool

  /// The refresh token is not valid.
  public static let none = Renewal(isUnavailable: false)
  /// The refresh token could not be checked: the browser keeps it, and may try again.
  public static let unavailable = Renewal(isUnavailable: true)

  private init(isUnavailable: Bool) {
    token = nil
    provider = ""
    cookie = nil
    fields = nil
    self.isUnavailable = isUnavailable
  }

  /// - Parameters:
  ///   - token: The access token that the request is decided with.
  ///   - provider: Its provider's name.
  ///   - cookieName: The name of the cookie that holds it.
  ///   - cookies: The values of Set-Cookie, one for each field line.
  public init(token: [UInt8], provider: String, cookieName: String, cookies: [String]) {
    self.token = token
    self.provider = provider
    isUnavailable = false
    cookie = [UInt8](cookieName.utf8) + [UInt8(ascii: "=")] + token
    // A cache that stores the response would hand the cookies to others.
    let lines = cookies.map { "Set-Cookie: \($0)\r\n" } + ["Cache-Control: no-store\r\n"]
    fields = [UInt8](lines.joined().utf8)
  }
}
