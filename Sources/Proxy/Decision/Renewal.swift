public import HTTP

/// A refresh token that a loop wants used, for a request whose access token is no longer good.
public struct RenewalRequest: Sendable {
  public let token: [UInt8]
  /// The provider's name.
  public let provider: String
  /// Who sent it; nil where there is no address.
  public let client: IPAddress?
  /// The exchange that waits.
  let place: ExchangePlace
}

/// What came of a refresh token.
public struct Renewal: Sendable {
  let token: [UInt8]?
  let provider: String
  /// The cookie that holds the token, as the browser's next request has it: `NAME=TOKEN`; nil: none.
  let cookie: [UInt8]?
  /// Field lines of the response, each with its CRLF; nil: none.
  let fields: [UInt8]?

  /// Whether nobody could say what the refresh token is good for.
  let isUnavailable: Bool

  /// The refresh token is good for nothing.
  public static let none = Renewal(isUnavailable: false)
  /// Nobody could say: the browser keeps its refresh token, and may come again.
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
  ///   - cookieName: Of the cookie that holds it.
  ///   - cookies: What Set-Cookie says, a line for each.
  public init(token: [UInt8], provider: String, cookieName: String, cookies: [String]) {
    self.token = token
    self.provider = provider
    isUnavailable = false
    cookie = [UInt8](cookieName.utf8) + [UInt8(ascii: "=")] + token
    // A cache that keeps the response would hand the cookies to others.
    let lines = cookies.map { "Set-Cookie: \($0)\r\n" } + ["Cache-Control: no-store\r\n"]
    fields = [UInt8](lines.joined().utf8)
  }
}
