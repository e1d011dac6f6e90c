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
  /// Field lines of the answer, each with its CRLF; nil: none.
  let fields: [UInt8]?

  /// Nothing.
  public static let none = Renewal(token: nil, provider: "", fields: nil)

  private init(token: [UInt8]?, provider: String, fields: [UInt8]?) {
    self.token = token
    self.provider = provider
    self.fields = fields
  }

  /// - Parameters:
  ///   - token: The access token that the request is decided with.
  ///   - provider: Its provider's name.
  ///   - cookies: What Set-Cookie says, a line for each.
  public init(token: [UInt8], provider: String, cookies: [String]) {
    self.token = token
    self.provider = provider
    // A cache that keeps the answer would hand the cookies to others.
    let lines = cookies.map { "Set-Cookie: \($0)\r\n" } + ["Cache-Control: no-store\r\n"]
    fields = [UInt8](lines.joined().utf8)
  }
}
