/// What an upstream of the kind `static` answers to every request.
public struct StaticResponse: Sendable, Hashable {
  /// 200 to 599.
  public var status: Int
  /// The media type of the body; not sent where that is empty.
  public var contentType: String
  /// Empty with the statuses 204, 205 and 304 (RFC 9110 §6.4.1, §15.3.6).
  public var body: [UInt8]

  /// A response of which nothing is checked: it is validated where it is read.
  public init(status: Int, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}
