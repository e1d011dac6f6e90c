import HTTP

/// What an upstream is told of the trace that a request belongs to (W3C Trace Context, §4.3).
struct TraceFields {
  /// Whether the client's `traceparent` goes on.
  let keepsParent: Bool
  /// Whether its `tracestate` does, which belongs to the same trace.
  let keepsState: Bool
  private let trace: RequestTrace?

  /// - Parameter trace: nil: no traces are exported, and the client's goes on where it is well-formed.
  init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ trace: RequestTrace?) {
    self.trace = trace
    if let trace {
      keepsState = trace.parent != 0
      // Who adds no span to a trace leaves it as it is (§4.2).
      keepsParent = keepsState && !trace.isSampled
    } else {
      keepsParent =
        head.traceparentCount == 1 && TraceContext.isValid(bytes, head.fields[head.traceparentLine].value)
      keepsState = keepsParent
    }
  }

  /// Says where the request stands in the trace, where the client's word does not go on.
  ///
  /// Where no traces are exported it begins one, with the request's id, and says `sampled`: what upstreams record shall
  /// be as if they were asked directly, and most follow a parent that says no.
  func write(_ requestID: RequestID, to writer: inout HeadWriter) {
    if keepsParent { return }
    if let trace { return trace.write(to: &writer) }
    writer.write("traceparent: 00-")
    writer.write(hexadecimal: requestID.high)
    writer.write(hexadecimal: requestID.low)
    writer.write("-")
    // Any but zero: of this span nothing else is said.
    writer.write(hexadecimal: requestID.low | 1)
    writer.write("-01\r\n")
  }
}
