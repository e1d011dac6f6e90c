/// A refresh token that a loop wants used, for a request whose access token is no longer good.
public struct RenewalRequest: Sendable {
  public let token: [UInt8]
  /// The provider's name.
  public let provider: String
  /// The client's address as text.
  public let client: String
  /// The exchange that waits.
  let place: ExchangePlace
}

/// What came of a refresh token.
public struct Renewal: Sendable {
  let token: [UInt8]?
  let provider: String
  /// The cookie that holds the token, as the browser's next request has it: `NAME=TOKEN`; nil: none.
  let cookie: [UInt8]?
  /// Field lines of the answer, each with its CRLF; nil: none.
  let fields: [UInt8]?

  /// Nothing.
  public static let none = Renewal(token: nil, provider: "", cookie: nil, fields: nil)

  private init(token: [UInt8]?, provider: String, cookie: [UInt8]?, fields: [UInt8]?) {
    self.token = token
    self.provider = provider
    self.cookie = cookie
    self.fields = fields
  }

  /// - Parameters:
  ///   - token: The access token that the request is decided with.
  ///   - provider: Its provider's name.
  ///   - cookieName: Of the cookie that holds it.
  ///   - cookies: What Set-Cookie says, a line for each.
  public init(token: [UInt8], provider: String, cookieName: String, cookies: [String]) {
    self.token = token
    self.provider = provider
    cookie = [UInt8](cookieName.utf8) + [UInt8(ascii: "=")] + token
    // A cache that keeps the answer would hand the cookies to others.
    let lines = cookies.map { "Set-Cookie: \($0)\r\n" } + ["Cache-Control: no-store\r\n"]
    fields = [UInt8](lines.joined().utf8)
  }
}
