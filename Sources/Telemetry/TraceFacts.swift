/// Where an exchange stands in its trace (W3C Trace Context), and what its spans say that the access line does not.
public struct TraceFacts: Sendable, Equatable {
  public var traceHigh: UInt64
  public var traceLow: UInt64
  /// Of the exchange itself.
  public var span: UInt64
  /// Of whoever sent it; 0: the trace begins here.
  public var parent: UInt64
  /// Of what was sent upstream, whose parent it is there.
  public var upstreamSpan: UInt64
  /// Whether the client speaks https.
  public var isSecured: Bool
  public var isHTTP10: Bool
  /// The pattern of the route's path; nil: none matched.
  public var routePath: String?
  /// When it went on to its upstream, since it began; nil: it did not.
  public var forwardedMicroseconds: Int64?

  /// The status of its response; nil: there was none that could be passed on.
  public var upstreamStatus: Int?

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
