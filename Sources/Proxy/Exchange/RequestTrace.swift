import Access
import HTTP
import Sockets
import Telemetry

/// The trace that a request belongs to, and the gateway's own spans in it (W3C Trace Context).
struct RequestTrace: Sendable, Equatable {
  let high: UInt64
  let low: UInt64
  /// The sender's span; 0 if the trace begins here.
  let parent: UInt64
  /// Whether the gateway's spans are exported.
  let isSampled: Bool
  private let flags: UInt8
  /// The gateway's span of the request.
  let span: UInt64
  /// The gateway's span of the upstream request.
  let upstreamSpan: UInt64
  let isSecured: Bool

  /// Begins a trace whose id is the request's, so that one leads to the other.
  init(beginning request: RequestID, _ sampling: TraceSampling, isSecured: Bool) {
    (high, low) = (request.high, request.low)
    parent = 0
    isSampled = sampling.isSampled(traceLow: low)
    flags = isSampled ? 1 : 0
    (span, upstreamSpan) = RequestTrace.spans(of: request)
    self.isSecured = isSecured
  }

  /// Continues the trace of the request's sender.
  init(_ parent: TraceContext.Parent, _ request: RequestID, isSampled: Bool, isSecured: Bool) {
    (high, low) = (parent.traceHigh, parent.traceLow)
    self.parent = parent.span
    self.isSampled = isSampled
    // What else the flags say describes the trace id (Trace Context Level 2, §3.2.2.5.2), and remains true.
    flags = parent.flags & 3
    (span, upstreamSpan) = RequestTrace.spans(of: request)
    self.isSecured = isSecured
  }

  /// Two different span ids other than 0: request ids never repeat.
  private static func spans(of request: RequestID) -> (UInt64, UInt64) {
    let span = request.low | 1
    return (span, span &* 0x9E37_79B9_7F4A_7C15)
  }

  /// Writes the `traceparent` field line for an upstream.
  func write(to writer: inout HeadWriter) {
    writer.write("traceparent: 00-")
    writer.write(hexadecimal: high)
    writer.write(hexadecimal: low)
    writer.write("-")
    writer.write(hexadecimal: upstreamSpan)
    writer.write(flags & 2 == 0 ? (flags & 1 == 0 ? "-00\r\n" : "-01\r\n") : (flags & 1 == 0 ? "-02\r\n" : "-03\r\n"))
  }

  /// What is exported of the trace; nil if nothing is.
  func facts(isHTTP10: Bool, routePath: String?, forwardedMicroseconds: Int64?, upstreamStatus: Int?)
    -> TraceFacts?
  {
    guard isSampled else { return nil }
    return TraceFacts(
      traceHigh: high, traceLow: low, span: span, parent: parent, upstreamSpan: upstreamSpan, isSecured: isSecured,
      isHTTP10: isHTTP10, routePath: routePath, forwardedMicroseconds: forwardedMicroseconds,
      upstreamStatus: upstreamStatus)
  }
}

/// Selects which of the traces that begin here are exported: always the same ones, by their ids, as in consistent
/// sampling (opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling).
struct TraceSampling: Sendable {
  private let threshold: UInt64

  private static let randomness: UInt64 = 1 << 56

  /// - Parameter percentage: 0 to 100.
  init(percentage: Int) {
    threshold = TraceSampling.randomness / 100 * UInt64(clamping: 100 - percentage)
  }

  func isSampled(traceLow: UInt64) -> Bool { traceLow & (TraceSampling.randomness - 1) >= threshold }
}

/// Limits how many traces are exported because a proxy in front asks for it: it may pass on what clients send.
struct FollowedTraces {
  private var since = MonotonicTime(nanoseconds: 0)
  private var count = 0

  /// Traces per second and loop.
  static let most = 500

  mutating func mayFollow(at now: MonotonicTime) -> Bool {
    if now >= since + .seconds(1) {
      since = now
      count = 0
    }
    count += 1
    return count <= FollowedTraces.most
  }
}

extension DecisionContext {
  /// The trace of the request in `head`; nil if none is exported, in which case the client's trace fields are passed
  /// on.
  ///
  /// A client that is not trusted begins a new trace: otherwise it could have its own requests exported, and add them
  /// to the traces of others.
  func trace(of request: RequestID, _ bytes: Span<UInt8>) -> RequestTrace? {
    guard let sampling = active.traceSampling else { return nil }
    let isSecured = client.scheme == .https
    guard client.said != nil, head.traceparentCount == 1,
      let parent = TraceContext.parent(bytes, head.fields[head.traceparentLine].value)
    else { return RequestTrace(beginning: request, sampling, isSecured: isSecured) }
    return RequestTrace(
      parent, request, isSampled: parent.isSampled && followedTraces.mayFollow(at: now), isSecured: isSecured)
  }
}
