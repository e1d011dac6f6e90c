import HTTP

/// The trace context fields sent upstream (W3C Trace Context, §3.4 and §3.5).
struct TraceFields {
  /// Whether the client's `traceparent` is passed on.
  let keepsParent: Bool
  /// Whether its `tracestate`, which belongs to the same trace, is passed on.
  let keepsState: Bool
  private let trace: RequestTrace?

  /// - Parameter trace: nil if no traces are exported; the client's is then passed on if it is well-formed.
  init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ trace: RequestTrace?) {
    self.trace = trace
    if let trace {
      keepsState = trace.parent != 0
      // A participant that adds no span to a trace leaves it as it is (§3.4).
      keepsParent = keepsState && !trace.isSampled
    } else {
      keepsParent =
        head.traceparentCount == 1 && TraceContext.isValid(bytes, head.fields[head.traceparentLine].value)
      keepsState = keepsParent
    }
  }

  /// Writes the request's place in the trace, unless the client's `traceparent` is passed on.
  ///
  /// If no traces are exported, it begins one with the request's id and sets `sampled`: upstreams are to record as if
  /// they were asked directly, and most follow a parent that is not sampled.
  func write(_ requestID: RequestID, to writer: inout HeadWriter) {
    if keepsParent { return }
    if let trace { return trace.write(to: &writer) }
    writer.write("traceparent: 00-")
    writer.write(hexadecimal: requestID.high)
    writer.write(hexadecimal: requestID.low)
    writer.write("-")
    // Any value but zero: nothing else refers to this span.
    writer.write(hexadecimal: requestID.low | 1)
    writer.write("-01\r\n")
  }
}
