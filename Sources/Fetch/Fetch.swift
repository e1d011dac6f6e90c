/// Module `Fetch`: libcurl made safe: one bounded exchange at a time, limited in time and size.
/// May import: CCurl, Sockets.
/// Never does: follow a redirect, believe a certificate that does not verify, or speak anything but HTTP.

/// What is fetched.
public struct FetchRequest: Sendable {
  /// The method of the request, and its content if it has any.
  public enum Method: Sendable {
    case get
    /// At most `FetchRequest.contentBytesMax` bytes of that media type (RFC 9110 §9.3.3).
    case post(contentType: String, content: [UInt8])
  }

  /// A further field of the request. It may hold a secret, which no error names.
  public struct Field: Sendable {
    /// The field's name (RFC 9110 §5.1).
    public let name: String
    /// The field's value: a request is refused if it contains a control character (`FetchError.requestRefused`).
    public let value: String

    /// Neither is checked before the request is sent.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What becomes of the connection after the response.
  public enum Connection: Sendable {
    case closed
    /// Later requests of the same fetcher use it, where they go to the same server and ask the same of its certificate.
    case kept
  }

  /// Room for the longest token, each byte of it escaped, and for a batch of what a collector is sent.
  public static let contentBytesMax = 1024 * 1024

  /// https, or http of a loopback address.
  public var url: String
  /// A unix domain socket to connect to instead of the URL's host; nil: none.
  public var unixSocket: String?
  /// Whether it may be http of any address: for what is known to be in clear, and carries no secret.
  public var isInClear = false
  /// GET by default.
  public var method = Method.get
  /// Sent beside Accept and If-None-Match; empty by default.
  public var fields: [Field] = []
  /// Closed by default.
  public var connection = Connection.closed
  /// A PEM file to verify the server's certificate with; nil: the system's.
  public var certificateAuthorityFile: String?
  /// Whether the response says when the server's certificates end.
  public var readsCertificates = false
  /// The value of Accept.
  public var accept: String
  /// The entity tag that is held already (RFC 9110 §13.1.2).
  public var ifNoneMatch: String?
  /// For all of it, name resolution included.
  public var timeout: Duration
  /// Bytes of the response's body, counted as they arrive.
  public var bodyBytesMax: Int

  /// A GET with the system's certificate authorities; other properties have their defaults.
  public init(
    url: String, certificateAuthorityFile: String? = nil, accept: String = "application/json",
    ifNoneMatch: String? = nil, timeout: Duration = .seconds(10), bodyBytesMax: Int = 512 * 1024
  ) {
    self.url = url
    self.certificateAuthorityFile = certificateAuthorityFile
    self.accept = accept
    self.ifNoneMatch = ifNoneMatch
    self.timeout = timeout
    self.bodyBytesMax = bodyBytesMax
  }
}

/// What came of it.
public struct FetchResponse: Sendable {
  /// The final status (RFC 9110 §15), whatever it is: redirects are not followed, and errors are responses too.
  public let status: Int
  /// The whole content, at most `FetchRequest.bodyBytesMax` bytes.
  public let body: [UInt8]
  /// ETag (RFC 9110 §8.8.3), as it was sent.
  public let entityTag: String?
  /// How long the response may be kept, as Cache-Control and Age say.
  public let freshness: Freshness
  /// Content-Type (RFC 9110 §8.3), as it was sent.
  public let contentType: String?
  /// What the server's clock said when the response came, in seconds since 1970: Date (§6.6.1), and the seconds that
  /// the response had spent in caches since (RFC 9111 §5.1); nil: it does not say.
  public let serverTime: Int64?
  /// How long to wait before the next request: Retry-After (RFC 9110 §10.2.3); nil: it does not say.
  public let retryAfter: Duration?
  /// When the first of the certificates ends that the server showed, in seconds since 1970; nil: it was not asked for,
  /// or there are none.
  public let certificateEnd: Int64?

  /// What a response says that left out every field which has a default here.
  public init(
    status: Int, body: [UInt8], entityTag: String? = nil, freshness: Freshness = .unsaid,
    contentType: String? = nil, serverTime: Int64? = nil, retryAfter: Duration? = nil, certificateEnd: Int64? = nil
  ) {
    self.status = status
    self.body = body
    self.entityTag = entityTag
    self.freshness = freshness
    self.contentType = contentType
    self.serverTime = serverTime
    self.retryAfter = retryAfter
    self.certificateEnd = certificateEnd
  }
}

/// Why nothing came of it.
public enum FetchError: Error, Sendable, Equatable {
  /// Neither https nor http of a loopback address, or with a user in it.
  case addressRefused
  /// The content is larger than `FetchRequest.contentBytesMax`, or a field would be more than one line.
  case requestRefused
  /// The body is larger than allowed.
  case bodyTooLarge(bytesMax: Int)
  /// The response's head is larger than is read.
  case headTooLarge
  /// A content coding was used that nobody asked for.
  case contentCoded
  case timedOut(Duration)
  /// The server's certificate does not verify; libcurl's words.
  case certificateRefused(String)
  /// libcurl's words.
  case failed(String)
  /// The fetcher was stopped.
  case stopped
}

extension FetchError: CustomStringConvertible {
  /// In words, for a log; no field of the request is in it, nor any of its content.
  public var description: String {
    switch self {
    case .addressRefused: "the address is neither https nor http on loopback"
    case .requestRefused: "the request's content is too large, or a field of it holds a control character"
    case .bodyTooLarge(let bytesMax): "the response is larger than \(bytesMax) bytes"
    case .headTooLarge: "the response's head is too large"
    case .contentCoded: "the response is compressed, which was not requested"
    case .timedOut(let duration): "no complete response within \(duration)"
    case .certificateRefused(let text): "the certificate does not verify: \(text)"
    case .failed(let text): text
    case .stopped: "stopped"
    }
  }
}
