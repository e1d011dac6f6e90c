/// Where an exchange stands in its trace (W3C Trace Context), and what its spans say that the access line does not.
public struct TraceFacts: Sendable, Equatable {
  /// The upper 64 bits of the trace's id.
  public var traceHigh: UInt64
  /// The lower 64 bits of the trace's id.
  public var traceLow: UInt64
  /// The id of the gateway's span as the server.
  public var span: UInt64
  /// The id of the sender's span, which is the parent of `span`; 0: the trace begins here.
  public var parent: UInt64
  /// The id of the gateway's span as the upstream's client, which the upstream is told as its parent.
  public var upstreamSpan: UInt64
  /// Whether the client speaks https.
  public var isSecured: Bool
  /// Whether the request is of HTTP/1.0; otherwise it is of HTTP/1.1.
  public var isHTTP10: Bool
  /// The path pattern of the route; nil: none matched.
  public var routePath: String?
  /// From the beginning of the exchange until it was forwarded to its upstream; nil: it was not.
  public var forwardedMicroseconds: Int64?

  /// The status of the upstream's response; nil: there was no response that could be passed on.
  public var upstreamStatus: Int?

  /// With the defaults, of an exchange that matched no route and was not forwarded.
  public init(
    traceHigh: UInt64, traceLow: UInt64, span: UInt64, parent: UInt64, upstreamSpan: UInt64, isSecured: Bool = false,
    isHTTP10: Bool = false, routePath: String? = nil, forwardedMicroseconds: Int64? = nil,
    upstreamStatus: Int? = nil
  ) {
    self.traceHigh = traceHigh
    self.traceLow = traceLow
    self.span = span
    self.parent = parent
    self.upstreamSpan = upstreamSpan
    self.isSecured = isSecured
    self.isHTTP10 = isHTTP10
    self.routePath = routePath
    self.forwardedMicroseconds = forwardedMicroseconds
    self.upstreamStatus = upstreamStatus
  }
}
