/// Module `Fetch`: libcurl made safe: one bounded exchange at a time, limited in time and size.
/// May import: CCurl, Sockets.
/// Never does: follow a redirect, believe a certificate that does not verify, or speak anything but HTTP.

/// What is fetched.
public struct FetchRequest: Sendable {
  /// https, or http of a loopback address.
  public var url: String
  /// A PEM file to verify the server's certificate with; nil: the system's.
  public var certificateAuthorityFile: String?
  /// The value of Accept.
  public var accept: String
  /// The entity tag that is held already (RFC 9110 §13.1.2).
  public var ifNoneMatch: String?
  /// For all of it, name resolution included.
  public var timeout: Duration
  /// Bytes of the answer's body, counted as they arrive.
  public var bodyBytesMax: Int

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
  public let status: Int
  public let body: [UInt8]
  /// ETag (RFC 9110 §8.8.3), as it was sent.
  public let entityTag: String?
  public let freshness: Freshness
}

/// Why nothing came of it.
public enum FetchError: Error, Sendable, Equatable {
  /// Neither https nor http of a loopback address, or with a user in it.
  case addressRefused
  /// The body is larger than allowed.
  case bodyTooLarge(bytesMax: Int)
  /// The answer's head is larger than is read.
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
  public var description: String {
    switch self {
    case .addressRefused: "the address is neither https nor http of a loopback address"
    case .bodyTooLarge(let bytesMax): "the answer is larger than \(bytesMax) bytes"
    case .headTooLarge: "the answer's head is too large"
    case .contentCoded: "the answer is compressed, which was not asked for"
    case .timedOut(let duration): "no whole answer within \(duration)"
    case .certificateRefused(let text): "the certificate does not verify: \(text)"
    case .failed(let text): text
    case .stopped: "stopped"
    }
  }
}
